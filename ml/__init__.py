"""The machine-learning side: never imports bpy, runs in a worker process."""

MAY_IMPORT = ("geometry.core",)
