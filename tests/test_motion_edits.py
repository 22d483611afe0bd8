"""Edits of the motion survive saving and loading; damaged files are refused."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core import motion_edits
from make_4d.geometry.core.motion_edits import MotionEdits, load_edits, save_edits
from messages import raises_message


def test_edits_come_back(tmp_path, rng):
    regions = rng.integers(0, 256, (12, 17)).astype(np.float32) / 255
    guides = tuple(rng.uniform(0, 9, (n, 3)).astype(np.float32) for n in (2, 5, 3))
    save_edits(MotionEdits(regions, guides), tmp_path / "edits.npz")
    back = load_edits(tmp_path / "edits.npz")
    np.testing.assert_array_equal(back.regions, regions)
    assert len(back.guides) == 3
    for own, other in zip(guides, back.guides, strict=True):
        np.testing.assert_array_equal(own, other)


def test_empty_edits_are_false(tmp_path):
    assert not MotionEdits()
    save_edits(MotionEdits(), tmp_path / "edits.npz")
    back = load_edits(tmp_path / "edits.npz")
    assert back.regions is None and back.guides == () and not back


def test_regions_alone_and_guides_alone_are_edits():
    assert MotionEdits(np.zeros((2, 2), np.float32))
    assert MotionEdits(None, (np.zeros((2, 3), np.float32),))


def test_same_edits_are_the_same_file(tmp_path, rng):
    edits = MotionEdits(rng.uniform(size=(5, 6)).astype(np.float32))
    files = [tmp_path / name for name in ("a.npz", "b.npz")]
    for file in files:
        save_edits(edits, file)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 torn"])
def test_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "edits.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        load_edits(path)


def test_other_file_is_refused(tmp_path):
    path = tmp_path / "edits.npz"
    with path.open("wb") as file:
        np.savez(file, other=np.zeros(3))
    with raises_message(ValueError, motion_edits.UNREADABLE):
        load_edits(path)
