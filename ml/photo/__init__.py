"""Reading photographs."""

IMPORTED_BY_BLENDER = False
