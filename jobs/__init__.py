"""Jobs: the queue, the running job, results, settings and edits on their way to the worker."""

MAY_IMPORT = ("render", "geometry", "geometry.core", "ml")
