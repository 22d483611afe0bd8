"""Downloads of pretrained models from the model hub."""

IMPORTED_BY_BLENDER = False
