"""The pretrained ways of the stages: inpainting, depth, regions that move."""
