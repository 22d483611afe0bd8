"""The operators and their properties, grouped by feature."""
