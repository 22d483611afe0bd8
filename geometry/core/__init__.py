"""Geometry on NumPy arrays, without Blender.

A module that needs another package names it in REQUIRES.
"""

MAY_IMPORT = ()
