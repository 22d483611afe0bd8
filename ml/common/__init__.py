"""What Blender and the worker share: settings, messages, the registry of models, files."""

IMPORTED_BY_BLENDER = True
