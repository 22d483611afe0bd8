"""The quality benchmark's methods, table and figures, on planes with analytic ground truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("moderngl", reason="moderngl is not installed")

import _quality_runs as runs
from _gl_context import NoContextError, open_context
from _quality_table import NAMES, Row, mean_row, measure, record, sampled_scene, table
from make_4d.geometry.core.camera import Intrinsics
from make_4d.geometry.landscapes.truth import TruthFrame, TruthScene

WIDTH, HEIGHT = 96, 64
CAMERA = Intrinsics.from_field_of_view(WIDTH, HEIGHT, math.radians(55))
WALLS = ((20.0, -9.0, 8.0, -3.0, (0.7, 0.5, 0.4)), (5.0, -1.0, 0.3, -1.4, (0.3, 0.3, 0.6)))
"""Upright rectangles that stand on the ground: z, left, right, top, color."""
GROUND = 1.2


def frame_at(position) -> TruthFrame:
    """Ground, two walls and a sky as seen by a camera at `position` that looks along +z."""
    u, v = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    x, y = (u - CAMERA.cx) / CAMERA.focal, (v - CAMERA.cy) / CAMERA.focal
    image = np.tile((0.55, 0.7, 0.95), (HEIGHT, WIDTH, 1))
    with np.errstate(divide="ignore"):
        depth = np.where(y > 0, (GROUND - position[1]) / y, np.inf)
    depth = np.where(depth < 50, depth, np.inf)
    on_ground = np.isfinite(depth)
    z = np.where(on_ground, depth + position[2], 0)
    wave = 0.08 * np.sin(2.0 * z) + 0.08 * np.sin(1.5 * (np.where(on_ground, depth, 0) * x))
    image[on_ground] = (np.array([0.3, 0.5, 0.25]) + wave[..., None])[on_ground]
    for far, left, right, top, color in WALLS:
        at = far - position[2]
        across, down = position[0] + x * at, position[1] + y * at
        here = (across > left) & (across < right) & (down > top) & (down < GROUND) & (at < depth)
        stripes = 0.1 * np.sin(3.0 * across) * np.sin(2.0 * down)
        image[here] = (np.array(color) + stripes[..., None])[here]
        depth = np.where(here, at, depth)
    pose = np.eye(4)
    pose[:3, 3] = -np.asarray(position, float)
    none = np.zeros((HEIGHT, WIDTH), bool)
    return TruthFrame(image.clip(0, 1).astype(np.float32), depth.astype(np.float32), pose, none)


@pytest.fixture(scope="module")
def scene() -> TruthScene:
    positions = [(0.16 * k, 0.0, 0.3 * k) for k in range(4)]
    return TruthScene("planes", CAMERA, tuple(frame_at(position) for position in positions))


def row_of(scene, name):
    method = next(method for method in runs.METHODS if method.name == name)
    render = runs.renderer(scene, method)
    shots = [render(frame, k) for k, frame in enumerate(scene.frames)]
    away = np.abs(shots[0].image - scene.frames[0].image)
    assert away.mean() < (5e-3 if "paper" in name else 2e-3)
    assert name != "full" or away.max() < 0.05
    return measure(scene, [shot.image for shot in shots], [shot.alpha for shot in shots])


@pytest.fixture(scope="module")
def rows(scene):
    names = ("full", "without inpainting", "per-frame generation", "full, paper's layer depth")
    return {name: row_of(scene, name) for name in names}


@pytest.mark.slow
def test_full_method_is_good_and_complete(rows):
    full = rows["full"]
    assert full.psnr > 23 and full.seen > 25 and full.revealed > 14
    assert full.consistency < 2.0 and full.uncovered < 0.02


def test_inpainting_fills_revealed_areas(rows):
    full, without = rows["full"], rows["without inpainting"]
    assert without.uncovered > 0.5 and full.revealed > without.revealed + 3
    assert full.psnr > without.psnr


def test_generated_frames_have_no_holes_and_degrade(rows):
    made = rows["per-frame generation"]
    assert made.uncovered == 0
    assert made.seen < rows["full"].seen - 1 and made.consistency > rows["full"].consistency


def test_aligned_layers_match_the_photo_best(rows):
    assert rows["full"].seen > rows["full, paper's layer depth"].seen + 0.2


def test_a_mesh_has_no_holes_between_its_points(scene):
    try:
        open_context().release()
    except NoContextError as error:
        pytest.skip(str(error))
    method = next(method for method in runs.METHODS if method.representation == "mesh")
    render = runs.renderer(scene, method)
    shots = [render(frame, 0) for frame in scene.frames]
    inside = (slice(2, -2), slice(2, -2))
    difference = np.abs(shots[0].image[inside] - scene.frames[0].image[inside])
    assert np.median(difference) < 0.02 and (shots[0].alpha[inside] == 1).all()
    assert (shots[-1].alpha[inside] == 1).mean() > 0.9


def test_true_depth_sets_the_scale(scene):
    method = next(method for method in runs.METHODS if method.name == "full")
    inputs, _ = runs.prepare(scene, method)
    top, _, _, left = (int(m) for m in inputs["margins"])
    own = inputs["disparity"][top : top + HEIGHT, left : left + WIDTH]
    scale = runs.scene_scale(scene, inputs)
    solid = np.isfinite(scene.frames[0].depth) & (own > 0.02)
    ratio = scene.frames[0].depth[solid] * own[solid] / scale
    np.testing.assert_allclose(np.median(ratio), 1.0, atol=0.01)


def test_table_marks_the_best_and_omits_missing_values():
    values = dict.fromkeys(NAMES, 1.0)
    good = Row(**values | {"psnr": 30.0, "lpips": math.nan, "flicker": 0.5})
    poor = Row(**values | {"psnr": 20.0, "lpips": math.nan, "flicker": 0.9})
    text = table("title", {"good": good, "poor": poor})
    lines = text.splitlines()
    assert "30.00*" in lines[2] and "20.00 " in lines[3] and "0.50*" in lines[2]
    assert record(good)["lpips"] is None and record(good)["psnr"] == 30.0
    assert mean_row([good, poor]).psnr == 25.0 and math.isnan(mean_row([good, poor]).lpips)


def test_frames_are_sampled_evenly_including_the_last(scene):
    chosen = sampled_scene(scene, 1)
    assert len(chosen.frames) == 2 and chosen.frames[1] is scene.frames[-1]
