"""Array work in chunks on all processors: NumPy lets other threads run during its loops.

Chunks also keep what belongs together in the processor's cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MOST_THREADS = 8
"""More hardly help: then memory is the limit."""


def in_chunks(
    count: int, size: int, work: Callable[[slice], None], poll: Callable[[], None] = lambda: None
) -> None:
    """Do the work on `count` rows, in any order, in chunks of at most `size`.

    Args:
        count: Number of rows.
        size: Rows of a chunk.
        work: Called with the rows of each chunk, in several threads at once. Chunks must not depend
            on one another.
        poll: Called after each chunk, in the caller's thread; may raise to cancel.

    Raises what `work` or `poll` raises, after the chunks that have begun.
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
        for _ in pool.map(work, chunks):
            poll()
    finally:
        pool.shutdown(cancel_futures=True)
