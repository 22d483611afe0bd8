"""The way of a river, told by its width: one in the scene, and so wider the nearer it comes."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics
from make_4d.ml.classical.eulerian_flow import eulerian_flow
from make_4d.ml.classical.plane_flow import Plane
from make_4d.ml.classical.regions import MotionRegions
from make_4d.ml.classical.river import _longest_run, river_lines

CAMERA = Intrinsics(300.0, 180.0, 110.0, 360, 240)
HORIZON = 90.0
PLANE = Plane(CAMERA, HORIZON, True, 0.5)


def river(lean: float = 0.6, width: float = 0.35) -> np.ndarray:
    """A straight river over level ground: its middle lies `lean` to the side per unit of depth."""
    row, column = np.mgrid[0:240, 0:360] + 0.5
    near = np.maximum((row - HORIZON) / CAMERA.focal, 1e-6)
    x = (column - CAMERA.cx) / CAMERA.focal / near
    return (row > HORIZON + 6) & (np.abs(x - lean * (1 / near - 2) - 0.1) < width)


def test_a_river_runs_down_its_middle_toward_us():
    water = river()
    (line,) = river_lines(water, PLANE)
    assert (np.diff(line[:, 1]) > 0).all() and (line[:, 2] == 1).all()
    for x, y, _ in line[2:-2]:
        start, end = _longest_run(water[int(y)])
        assert abs(x - (start + end) / 2) < 0.1 * (end - start) + 1.5


def test_its_water_flows_along_it():
    water = river().astype(np.float32)
    none = np.zeros_like(water)
    image = np.full((240, 360, 3), 0.5, np.float32)
    flow = eulerian_flow(image, MotionRegions(none, water, none), CAMERA, HORIZON, 60).flow
    (line,) = river_lines(water > 0.5, PLANE)
    for here, there in zip(line[4:-4:3], line[5:-3:3], strict=False):
        way = (there - here)[:2] / np.linalg.norm((there - here)[:2])
        own = flow[int(here[1]), int(here[0])]
        assert own @ way > 0.8 * np.linalg.norm(own) > 0


@pytest.mark.parametrize(
    "rows", [slice(100, 240), slice(100, 130)], ids=["sea to the border", "strip of sea"]
)
def test_what_ends_at_the_picture_s_sides_is_no_river(rows):
    water = np.zeros((240, 360), bool)
    water[rows] = True
    assert river_lines(water, PLANE) == []


def test_lakes_and_puddles_are_no_rivers():
    row, column = np.mgrid[0:240, 0:360]
    lake = ((row - 150) / 40) ** 2 + ((column - 180) / 150) ** 2 < 1
    puddle = ((row - 200) / 5) ** 2 + ((column - 100) / 9) ** 2 < 1
    assert river_lines(lake, PLANE) == [] == river_lines(puddle, PLANE)
    assert river_lines(np.zeros((240, 360), bool), PLANE) == []


def test_longest_run_of_a_row(rng):
    for _ in range(50):
        row = rng.random(30) < 0.6
        if not row.any():
            continue
        start, end = _longest_run(row)
        best = max(len(part) for part in "".join("x" if v else " " for v in row).split())
        assert end - start == best and row[start:end].all()
