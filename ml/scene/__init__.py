"""The scene network: one small network, run by OpenCV, that sees what a photo shows."""

IMPORTED_BY_BLENDER = False
