"""What both Blender and the worker use: settings, messages between them, the models that exist."""
