"""Getting models: downloads from the hub, and where they lie."""
