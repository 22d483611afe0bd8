"""Array work in chunks on all processors."""

import threading
import time

import numpy as np
import pytest
from make_4d.ml.classical import voting
from make_4d.ml.classical.parallel import in_chunks


@pytest.mark.parametrize(("count", "size"), [(0, 4), (3, 4), (4, 4), (1001, 10)])
def test_each_row_is_done_once(count, size):
    done = np.zeros(count, int)

    def work(rows):
        assert rows.stop - rows.start <= size
        done[rows] += 1

    in_chunks(count, size, work)
    assert (done == 1).all()


def test_errors_of_the_work_are_raised():
    def work(rows):
        if rows.start == 50:
            raise MemoryError

    with pytest.raises(MemoryError):
        in_chunks(100, 10, work)


def test_a_cancel_ends_the_work():
    done = []

    def cancel():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        in_chunks(100_000, 1, lambda rows: done.append(rows.start), cancel)
    assert len(done) < 100_000


def test_a_poll_cancels_while_a_chunk_takes_long():
    end = threading.Event()

    def cancel():
        raise InterruptedError

    started = time.monotonic()
    try:
        with pytest.raises(InterruptedError):
            in_chunks(2, 1, lambda _: end.wait(20), cancel)
        assert time.monotonic() - started < 5
    finally:
        end.set()


def test_votes_in_chunks_are_those_of_single_pixels():
    rng = np.random.default_rng(5)
    height, width = 90, 100
    image = rng.random((height * width, 3), np.float32)
    field = rng.integers(0, height * width, height * width)
    weight = rng.random(height * width, np.float32)
    patches = voting.PatchField(width, 2, image, field, weight)
    pixels = np.arange(height * width)
    together = voting.vote(patches, pixels, 20.0)
    for pixel in rng.choice(pixels, 40):
        alone = voting.vote(patches, np.array([pixel]), 20.0)
        assert together[pixel] == pytest.approx(alone[0], abs=1e-6)
