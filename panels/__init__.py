"""The panels of the sidebar, and what is drawn in the viewport."""
