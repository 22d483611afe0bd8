"""The scene network: one small network, run by OpenCV, that sees what a photo shows."""

MAY_IMPORT = ("geometry.core",)
IMPORTED_BY_BLENDER = False
