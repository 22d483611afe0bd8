"""Wait for a worker's task."""

from __future__ import annotations

import time


def finish(task, until=lambda message: False, seconds=120):
    """Poll a task until it ends or sends a message; returns all messages."""
    messages, deadline = [], time.monotonic() + seconds
    while task.finished is None:
        assert time.monotonic() < deadline, "the task takes too long"
        fresh = task.poll()
        messages += fresh
        if any(until(message) for message in fresh):
            break
        time.sleep(0.005)
    return messages
