"""The panels of the sidebar, and what is drawn in the viewport."""

MAY_IMPORT = ("operators", "jobs", "render", "geometry", "geometry.core", "ml")
