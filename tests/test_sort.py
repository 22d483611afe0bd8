"""The depth order against Python's stable sort."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.render.sort import far_to_near


def sorted_by_python(depth: np.ndarray) -> list[int]:
    """Far to near; of equal depths, the highest index first."""
    return sorted(range(len(depth)), key=lambda i: (depth[i], i), reverse=True)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_far_to_near(rng, count: int) -> None:
    depth = rng.uniform(1e-6, 100, count).astype(np.float32)
    assert far_to_near(depth).tolist() == sorted_by_python(depth)


def test_ties_end_with_the_lowest_index(rng) -> None:
    depth = rng.integers(1, 4, 500).astype(np.float32)
    assert far_to_near(depth).tolist() == sorted_by_python(depth)


def test_the_last_bit_decides() -> None:
    one = np.float32(1.0)
    depth = np.array([np.nextafter(one, 2), one, np.nextafter(one, 0)], np.float32)
    assert far_to_near(depth).tolist() == [0, 1, 2]
    assert far_to_near(depth[::-1]).tolist() == [2, 1, 0]


def test_numbers_of_all_magnitudes() -> None:
    depth = np.array([1e-30, 1e30, 1.0, 65536.0, 1e-6, 3.0], np.float32)
    assert far_to_near(depth).tolist() == sorted_by_python(depth)
