"""Blocking work in a background thread, so that the caller can still report and be cancelled."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing

TICK_SECONDS = 0.1
"""Longest time between two calls of a `tick` function."""
_QUEUE_SIZE = 64  # a few MB of a download


class _End:
    """Marks the end of the items, with the error that ended them if there was one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def iterate[Item](items: Generator[Item], tick: Callable[[], None]) -> Generator[Item]:
    """Yield the items of a generator that runs in a background thread, in order.

    Args:
        items: The generator. Its errors are raised here.
        tick: Called in this thread at least every TICK_SECONDS while waiting. An exception raised
            by it ends the iteration at once, and the thread at its next item.
    """
    ready: queue.Queue[Item | _End] = queue.Queue(_QUEUE_SIZE)
    abandoned = threading.Event()
    threading.Thread(target=_produce, args=(items, ready, abandoned), daemon=True).start()
    try:
        while True:
            tick()
            try:
                item = ready.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        abandoned.set()


def sleep(seconds: float, tick: Callable[[], None]) -> None:
    """Sleep, calling `tick` at least every TICK_SECONDS."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0.0:
        tick()
        time.sleep(min(left, TICK_SECONDS))


def _produce[Item](
    items: Generator[Item],
    ready: queue.Queue[Item | _End],
    abandoned: threading.Event,
) -> None:
    """Put all items and the end into the queue, unless the consumer stopped waiting."""
    end = _End()
    try:
        with closing(items):
            for item in items:
                if not _put(item, ready, abandoned):
                    return
    except BaseException as error:
        end = _End(error)
    _put(end, ready, abandoned)


def _put[Item](
    item: Item | _End, ready: queue.Queue[Item | _End], abandoned: threading.Event
) -> bool:
    """Put an item into the queue; return False if the consumer stopped waiting."""
    while not abandoned.is_set():
        try:
            ready.put(item, timeout=TICK_SECONDS)
            return True
        except queue.Full:
            continue
    return False
