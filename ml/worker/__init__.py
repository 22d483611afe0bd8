"""The worker process: its main loop and the pipeline."""
