"""Rivers are recognized by their width, which is constant in the scene and larger nearby."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics
from make_4d.ml.classical.eulerian_flow import eulerian_flow
from make_4d.ml.classical.plane_flow import Plane
from make_4d.ml.classical.regions import MotionRegions
from make_4d.ml.classical.river import _longest_run, river_centerlines

CAMERA = Intrinsics(300.0, 180.0, 110.0, 360, 240)
HORIZON = 90.0
PLANE = Plane(CAMERA, HORIZON, True, 0.5)


def river(lean: float = 0.6, width: float = 0.35) -> np.ndarray:
    """A straight river over level ground; its middle shifts by `lean` per unit of depth."""
    row, column = np.mgrid[0:240, 0:360] + 0.5
    nearness = np.maximum((row - HORIZON) / CAMERA.focal, 1e-6)
    x = (column - CAMERA.cx) / CAMERA.focal / nearness
    return (row > HORIZON + 6) & (np.abs(x - lean * (1 / nearness - 2) - 0.1) < width)


def test_river_centerline_runs_toward_the_viewer():
    water = river()
    (line,) = river_centerlines(water, PLANE)
    assert (np.diff(line[:, 1]) > 0).all() and (line[:, 2] == 1).all()
    for x, y, _ in line[2:-2]:
        start, end = _longest_run(water[int(y)])
        assert abs(x - (start + end) / 2) < 0.1 * (end - start) + 1.5


def test_river_flows_along_its_centerline():
    water = river().astype(np.float32)
    still = np.zeros_like(water)
    image = np.full((240, 360, 3), 0.5, np.float32)
    flow = eulerian_flow(image, MotionRegions(still, water, still), CAMERA, HORIZON, 60).flow
    (line,) = river_centerlines(water > 0.5, PLANE)
    for point, next_point in zip(line[4:-4:3], line[5:-3:3], strict=False):
        direction = (next_point - point)[:2] / np.linalg.norm((next_point - point)[:2])
        local_flow = flow[int(point[1]), int(point[0])]
        assert local_flow @ direction > 0.8 * np.linalg.norm(local_flow) > 0


@pytest.mark.parametrize(
    "rows", [slice(100, 240), slice(100, 130)], ids=["sea to the border", "strip of sea"]
)
def test_water_cut_by_the_image_sides_is_no_river(rows):
    water = np.zeros((240, 360), bool)
    water[rows] = True
    assert river_centerlines(water, PLANE) == []


def test_lakes_and_puddles_are_not_rivers():
    row, column = np.mgrid[0:240, 0:360]
    lake = ((row - 150) / 40) ** 2 + ((column - 180) / 150) ** 2 < 1
    puddle = ((row - 200) / 5) ** 2 + ((column - 100) / 9) ** 2 < 1
    assert river_centerlines(lake, PLANE) == [] == river_centerlines(puddle, PLANE)
    assert river_centerlines(np.zeros((240, 360), bool), PLANE) == []


def test_longest_run_of_a_row(rng):
    for _ in range(50):
        row = rng.random(30) < 0.6
        if not row.any():
            continue
        start, end = _longest_run(row)
        best = max(len(part) for part in "".join("x" if v else " " for v in row).split())
        assert end - start == best and row[start:end].all()
