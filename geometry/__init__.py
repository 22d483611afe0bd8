"""Blender's side of the geometry: clouds, nodes, camera, scene."""

MAY_IMPORT = ("geometry.core",)
