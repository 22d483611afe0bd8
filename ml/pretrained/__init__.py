"""Pretrained models: diffusion inpainting, depth, and segmentation of what moves."""
