"""Training of the scene network, in PyTorch; not part of the extension's packages."""

IMPORTED_BY_BLENDER = False
