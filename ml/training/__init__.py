"""Training of the scene network, in PyTorch; not part of the extension's packages."""

MAY_IMPORT = ("ml", "geometry.core", "geometry.worlds")
IMPORTED_BY_BLENDER = False
