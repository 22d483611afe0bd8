"""The built-in backend: classical methods that need no network, no weights and no download."""

IMPORTED_BY_BLENDER = False
