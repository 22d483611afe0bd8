"""The paper's networks in PyTorch: features of points, and the decoder that renders them."""

IMPORTED_BY_BLENDER = False
