"""Pretrained models: diffusion inpainting, depth, and segmentation of what moves."""

IMPORTED_BY_BLENDER = False
