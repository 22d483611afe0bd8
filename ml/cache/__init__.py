"""The stage cache."""

IMPORTED_BY_BLENDER = True
