"""Blender's end of the worker: starting it, sending it tasks, reading its answers."""
