"""Blender's side of the worker: starting it, sending it tasks, reading its messages."""

IMPORTED_BY_BLENDER = True
