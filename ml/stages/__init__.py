"""The pipeline's stages: pure functions from named arrays to named arrays."""
