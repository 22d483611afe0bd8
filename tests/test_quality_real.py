"""The benchmark's real views, on synthetic ones: a board in front of a wall under the sky."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("moderngl", reason="moderngl is not installed")

import _quality_real as real
import _quality_runs as runs
import quality
from _quality_shot import Shot
from _quality_views import RealScene, RealView
from messages import is_message
from test_quality_views import ASIDE, CAMERA, FIRST

SKY = np.isinf(FIRST.depth)
NO_POINTS = np.empty((0, 3))


def view_of(frame: Any, observed: Any = True) -> RealView:
    measured = np.broadcast_to(observed, frame.depth.shape)
    return RealView(frame.image, frame.world_to_camera, NO_POINTS, frame.depth, measured)


@pytest.fixture(scope="module")
def pair() -> RealScene:
    return RealScene("stereo pair", CAMERA, (view_of(FIRST), view_of(ASIDE)))


@pytest.fixture(scope="module")
def case(pair: RealScene) -> real.Case:
    return real.case_of("stereo", pair, FIRST.depth, "true depth")


@pytest.fixture
def slope(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Depth of a slope under the sky, which the built-in depth knows up to scale and shift."""
    depth = np.where(SKY, np.inf, np.linspace(20, 4, 80)[:, None]).astype(np.float32)
    disparity = np.where(SKY, 0.0, 3.0 / depth - 0.1).astype(np.float32)
    monkeypatch.setattr(runs, "estimate_disparity", lambda scene, key: disparity)
    return depth


def test_sparse_points_scale_the_estimate_and_keep_the_sky(slope, rng) -> None:
    at = np.column_stack([rng.uniform(0, 120, 90), rng.uniform(20, 80, 90)])
    column, row = np.floor(at).astype(int).T
    points = np.column_stack([at, slope[row, column]])
    walk = RealScene("street", CAMERA, (replace(view_of(FIRST), points=points, depth=None),))
    depth = real.depth_by_sparse_points(walk)
    np.testing.assert_allclose(depth[~SKY], slope[~SKY], rtol=0.01)
    np.testing.assert_array_equal(np.isinf(depth), SKY)


def test_dense_depth_scales_the_estimate_where_it_was_measured(slope) -> None:
    wrong = slope.copy()
    wrong[:, :50] = 1.0
    photo = replace(view_of(FIRST), depth=wrong, observed=np.arange(120) >= np.full((80, 1), 50))
    depth = real.depth_by_dense_depth(RealScene("stereo pair", CAMERA, (photo,)))
    np.testing.assert_allclose(depth[~SKY], slope[~SKY], rtol=1e-3)
    np.testing.assert_array_equal(np.isinf(depth), SKY)


def test_only_the_sky_is_farther_than_a_scene_reaches() -> None:
    depth = np.array([[2.0, 30.0, 1e6, np.inf, 1.0]])
    sky = np.array([[False, False, False, False, True]])
    bounded = real.bounded(depth, sky)
    np.testing.assert_array_equal(bounded, [[2.0, 30.0, 200.0, 200.0, np.inf]])


def method_named(name: str) -> runs.Method:
    return next(method for method in runs.METHODS if method.name == name)


@pytest.mark.slow
def test_camera_moves_to_the_second_view(case: real.Case) -> None:
    shots = {
        n: real.render_later_views(case, method_named(n)) for n in ("full", "without inpainting")
    }
    full, without = (real.measure(case, views) for views in shots.values())
    unmoved = real.measure(case, [Shot(FIRST.image, np.ones(SKY.shape, np.float32))])
    assert full.seen > 25 > 20 > unmoved.seen and full.psnr > without.psnr
    assert full.revealed > without.revealed + 3
    assert full.uncovered < 0.1 and without.uncovered > 1


def test_areas_are_measured_apart_and_unknown_pixels_count_for_ssim_only(
    case: real.Case,
) -> None:
    areas = case.areas[0]
    observed = areas.seen | areas.revealed | areas.outside
    unknown = areas.outside & (np.arange(80) < 40)[:, None]
    part = replace(areas, outside=areas.outside & ~unknown)
    image = ASIDE.image.copy()
    image[areas.revealed] += 0.1
    image[areas.seen] += 0.01
    alpha = np.where(areas.outside, 0.4, 1.0).astype(np.float32)
    row = real.measure(replace(case, areas=(part,)), [Shot(image, alpha)])
    np.testing.assert_allclose((row.seen, row.revealed), (40, 20), atol=1e-3)
    assert row.outside == np.inf and observed.all() and unknown.any()
    np.testing.assert_allclose(row.uncovered, 100 * areas.outside.mean())
    image[unknown] = 0
    worse = real.measure(replace(case, areas=(part,)), [Shot(image, alpha)])
    assert worse.psnr == row.psnr and worse.ssim < row.ssim
    shares = [float(area.sum()) for area in (part.seen, part.revealed, part.outside)]
    mean = (shares[0] * 0.01**2 + shares[1] * 0.1**2) / sum(shares)
    np.testing.assert_allclose(row.psnr, -10 * np.log10(mean), atol=1e-3)


def test_benchmark_writes_tables_figures_and_sheets(
    case: real.Case, monkeypatch, tmp_path, capsys
) -> None:
    other = replace(case, name="stereo pair, built-in depth")
    monkeypatch.setattr(quality, "views_folder", lambda: tmp_path)
    monkeypatch.setattr(real, "real_cases", lambda folder: [case, other])
    file = tmp_path / "figures.json"
    methods = ["--methods", "one-layer", "without inpainting"]
    arguments = ["--real", *methods, "--json", str(file), "--sheets", str(tmp_path / "sheets")]
    shot = Shot(ASIDE.image, np.ones(SKY.shape, np.float32))
    monkeypatch.setattr(real, "render_later_views", lambda case, method: [shot])
    assert quality.main(arguments) == 0
    text = capsys.readouterr().out
    assert "real views: stereo pair, true depth" in text and "one-layer mesh" in text
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert list(figures) == ["real"] and list(figures["real"]) == [case.name, other.name]
    row = figures["real"][case.name]["one-layer mesh"]
    assert row["ssim"] == pytest.approx(1) and row["uncovered"] == 0 and row["psnr"] is None
    assert set(figures["real"][case.name]) == {"without inpainting", "one-layer mesh"}
    sheet = cv2.imread(str(tmp_path / "sheets" / "stereo.png"))
    assert sheet.shape == (2 * 84, 3 * 124, 3)  # photo, view, mesh; a row for each depth
    np.testing.assert_allclose(sheet[:80, 124:244, ::-1], ASIDE.image * 255, atol=0.51)
    np.testing.assert_allclose(sheet[84:164, :120, ::-1], FIRST.image * 255, atol=0.51)


def test_missing_views_are_reported(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setenv("MAKE_4D_SHARED", str(tmp_path))
    assert quality.main(["--real"]) == 0
    assert is_message(capsys.readouterr().out, quality.NO_VIEWS)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], "landscapes real_views"),
        (["--real"], "real_views"),
        (["--scenes", "lake"], "landscapes"),
        (["--small"], "landscapes"),
    ],
)
def test_arguments_choose_the_parts(monkeypatch, arguments: list[str], parts: str) -> None:
    run: list[str] = []
    for part in ("landscapes", "real_views"):
        note = lambda arguments, methods, part=part: run.append(part) or {}  # noqa: E731
        monkeypatch.setattr(quality, f"measure_{part}", note)
    quality.main(arguments)
    assert " ".join(run) == parts
