"""Idle workers that are kept for the next task, so that their models stay loaded."""

from __future__ import annotations

from .process import Worker


class KeptWorkers:
    """The idle workers. A worker that is taken out belongs to its task until it is put back."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []

    @property
    def idle(self) -> tuple[Worker, ...]:
        """The workers that are kept now."""
        return tuple(self._workers)

    def take(self, models: bool) -> Worker:
        """Return a kept worker that can do the task, or a new one.

        Kept workers that have ended, or that can't do the task, are closed on the way.

        Args:
            models: Whether the task runs networks.

        Raises MissingPackageError or OSError where a new worker can't be started.
        """
        while (worker := self._pop()) is not None:
            if worker.is_alive and (worker.has_models or not models):
                return worker
            worker.close()
        return Worker(models=models)

    def put_back(self, worker: Worker) -> None:
        """Keep an idle worker for the next task."""
        self._workers.append(worker)

    def close(self) -> None:
        """End all kept processes, which frees their memory."""
        while (worker := self._pop()) is not None:
            worker.close()

    def _pop(self) -> Worker | None:
        """Take out a worker, if there is one: Blender may be rendering in another thread."""
        try:
            return self._workers.pop()
        except IndexError:
            return None
