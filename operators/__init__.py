"""The operators and their properties, grouped by feature."""

MAY_IMPORT = ("jobs", "render", "geometry", "geometry.core", "ml")
