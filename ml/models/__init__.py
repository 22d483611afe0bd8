"""Backends of the stages, the models in memory, and the device that they run on."""

IMPORTED_BY_BLENDER = False
