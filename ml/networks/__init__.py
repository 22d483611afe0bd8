"""The paper's own networks in PyTorch: features of points, and the decoder that paints them."""
