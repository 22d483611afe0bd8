"""Downloads of pretrained models from the model hub."""
