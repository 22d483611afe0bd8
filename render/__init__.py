"""The splat render engine."""

MAY_IMPORT = ("geometry", "geometry.core", "ml")
