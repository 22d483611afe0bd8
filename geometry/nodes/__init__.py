"""The geometry-node groups: one a file."""
