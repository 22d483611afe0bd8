"""Waiting for the network without going deaf: what blocks runs in a thread of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing

TICK_SECONDS = 0.1
_AHEAD = 64  # items that may wait to be taken: a few MB of a download


class _End:
    """The thread's last word: it ended, by an error or not."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def in_thread[Item](items: Generator[Item], tick: Callable[[], None]) -> Generator[Item]:
    """The items of a generator that runs in a thread, in their order.

    tick is called here at least every 0.1 s while the next item is awaited; what it raises ends the
    waiting at once, and the thread at its next item. Errors of the generator come out here.
    """
    ready: queue.Queue[Item | _End] = queue.Queue(_AHEAD)
    abandoned = threading.Event()
    threading.Thread(target=_pump, args=(items, ready, abandoned), daemon=True).start()
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


def pause(seconds: float, tick: Callable[[], None]) -> None:
    """Sleep, calling tick all the while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0.0:
        tick()
        time.sleep(min(left, TICK_SECONDS))


def _pump[Item](
    items: Generator[Item],
    ready: queue.Queue[Item | _End],
    abandoned: threading.Event,
) -> None:
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
    """Hand an item over; returns whether anybody still wants it."""
    while not abandoned.is_set():
        try:
            ready.put(item, timeout=TICK_SECONDS)
            return True
        except queue.Full:
            continue
    return False
