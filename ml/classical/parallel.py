"""Array work in chunks on all processors: NumPy lets other threads run during its loops.

Chunks also keep what belongs together in the processor's cache.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

MOST_THREADS = 8
"""More hardly help: then memory is the limit."""
AHEAD = 4
"""Chunks for each thread that wait for it: after a cancel, only these are left."""
POLL_SECONDS = 0.2
"""Time between polls while a chunk takes long."""


def in_chunks(
    count: int, size: int, work: Callable[[slice], None], poll: Callable[[], None] = lambda: None
) -> None:
    """Do the work on `count` rows, in any order, in chunks of at most `size`.

    Args:
        count: Number of rows.
        size: Rows of a chunk.
        work: Called with the rows of each chunk, in several threads at once. Chunks must not depend
            on one another.
        poll: Called after each chunk, and while one takes long, in the caller's thread; may raise
            to cancel.

    Raises what `work` or `poll` raises; chunks that have begun then go on by themselves, and their
    results mustn't be used.
    """
    chunks = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    threads = min(os.cpu_count() or 1, MOST_THREADS, len(chunks))
    if threads <= 1:
        for chunk in chunks:
            work(chunk)
            poll()
        return
    pool = ThreadPoolExecutor(threads)
    try:
        begun = deque(pool.submit(work, chunk) for chunk in chunks[: AHEAD * threads])
        for chunk in chunks[AHEAD * threads :]:
            _finish(begun.popleft(), poll)
            begun.append(pool.submit(work, chunk))
        for future in begun:
            _finish(future, poll)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _finish(future: Future[None], poll: Callable[[], None]) -> None:
    """Wait for a chunk, polling; raises what its work raised."""
    while not wait([future], timeout=POLL_SECONDS).done:
        poll()
    future.result()
    poll()
