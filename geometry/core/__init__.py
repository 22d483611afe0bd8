"""Geometry in numpy alone: never imports bpy."""
