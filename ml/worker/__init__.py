"""The worker process: its main loop and the pipeline."""

IMPORTED_BY_BLENDER = False
