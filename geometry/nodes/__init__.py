"""The add-on's node groups, one per module."""
