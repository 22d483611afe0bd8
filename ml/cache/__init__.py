"""The stage cache."""
