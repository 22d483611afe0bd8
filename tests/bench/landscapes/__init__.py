"""Landscapes made by code in Blender, rendered with exact depth, camera and motion."""
