"""The paper's networks in PyTorch: features of points, and the decoder that renders them."""
