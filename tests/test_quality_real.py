"""The benchmark's flights from real views, on made-up ones: a board before a wall under the sky."""

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
    """Depth of a slope under the sky, of which the built-in way knows all but scale and shift."""
    depth = np.where(SKY, np.inf, np.linspace(20, 4, 80)[:, None]).astype(np.float32)
    disparity = np.where(SKY, 0.0, 3.0 / depth - 0.1).astype(np.float32)
    monkeypatch.setattr(runs, "estimated", lambda scene, key: disparity)
    return depth


def test_sparse_points_scale_the_estimate_and_the_sky_stays(slope, rng) -> None:
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


def test_only_the_sky_is_beyond_what_a_scene_reaches() -> None:
    depth = np.array([[2.0, 30.0, 1e6, np.inf, 1.0]])
    sky = np.array([[False, False, False, False, True]])
    found = real.bounded(depth, sky)
    np.testing.assert_array_equal(found, [[2.0, 30.0, 200.0, 200.0, np.inf]])


def way_named(name: str) -> runs.Way:
    return next(way for way in runs.WAYS if way.name == name)


def test_flights_go_where_the_second_view_is(case: real.Case) -> None:
    found = {n: real.shots_by(case, way_named(n)) for n in ("full", "without inpainting")}
    full, without = (real.measured(case, shots) for shots in found.values())
    unmoved = real.measured(case, [Shot(FIRST.image, np.ones(SKY.shape, np.float32))])
    assert full.seen > 25 > 20 > unmoved.seen and full.psnr > without.psnr
    assert full.revealed > without.revealed + 3
    assert full.uncovered < 0.1 and without.uncovered > 1


def test_areas_count_apart_and_what_is_in_none_only_for_whole_pictures(case: real.Case) -> None:
    areas = case.areas[0]
    observed = areas.seen | areas.revealed | areas.outside
    unknown = areas.outside & (np.arange(80) < 40)[:, None]
    part = replace(areas, outside=areas.outside & ~unknown)
    image = ASIDE.image.copy()
    image[areas.revealed] += 0.1
    image[areas.seen] += 0.01
    alpha = np.where(areas.outside, 0.4, 1.0).astype(np.float32)
    row = real.measured(replace(case, areas=(part,)), [Shot(image, alpha)])
    np.testing.assert_allclose((row.seen, row.revealed), (40, 20), atol=1e-3)
    assert row.outside == np.inf and observed.all() and unknown.any()
    np.testing.assert_allclose(row.uncovered, 100 * areas.outside.mean())
    image[unknown] = 0
    worse = real.measured(replace(case, areas=(part,)), [Shot(image, alpha)])
    assert worse.psnr == row.psnr and worse.ssim < row.ssim
    shares = [float(area.sum()) for area in (part.seen, part.revealed, part.outside)]
    mean = (shares[0] * 0.01**2 + shares[1] * 0.1**2) / sum(shares)
    np.testing.assert_allclose(row.psnr, -10 * np.log10(mean), atol=1e-3)


def test_the_benchmark_runs_them_into_tables_figures_and_sheets(
    case: real.Case, monkeypatch, tmp_path, capsys
) -> None:
    other = replace(case, name="stereo pair, built-in depth")
    monkeypatch.setattr(quality, "views_folder", lambda: tmp_path)
    monkeypatch.setattr(real, "real_cases", lambda folder: [case, other])
    file = tmp_path / "figures.json"
    ways = ["--ways", "one-layer", "without inpainting"]
    arguments = ["--real", *ways, "--json", str(file), "--picture", str(tmp_path / "sheets")]
    shot = Shot(ASIDE.image, np.ones(SKY.shape, np.float32))
    monkeypatch.setattr(real, "shots_by", lambda case, way: [shot])
    assert quality.main(arguments) == 0
    text = capsys.readouterr().out
    assert "real views: stereo pair, true depth" in text and "one-layer mesh" in text
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert list(figures) == ["real"] and list(figures["real"]) == [case.name, other.name]
    row = figures["real"][case.name]["one-layer mesh"]
    assert row["ssim"] == pytest.approx(1) and row["uncovered"] == 0 and row["psnr"] is None
    assert set(figures["real"][case.name]) == {"without inpainting", "one-layer mesh"}
    sheet = cv2.imread(str(tmp_path / "sheets" / "stereo.png"))
    assert sheet.shape == (2 * 84, 3 * 124, 3)  # photo, view, mesh; a line for either depth
    np.testing.assert_allclose(sheet[:80, 124:244, ::-1], ASIDE.image * 255, atol=0.51)
    np.testing.assert_allclose(sheet[84:164, :120, ::-1], FIRST.image * 255, atol=0.51)


def test_without_views_a_line_says_so(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setenv("MAKE_4D_SHARED", str(tmp_path))
    assert quality.main(["--real"]) == 0
    assert "The real views are not on this machine: left out." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], "made real"),
        (["--real"], "real"),
        (["--scenes", "lake"], "made"),
        (["--small"], "made"),
    ],
)
def test_what_is_run(monkeypatch, arguments: list[str], parts: str) -> None:
    run: list[str] = []
    for part in ("made", "real"):
        note = lambda arguments, ways, part=part: run.append(part) or {}  # noqa: E731
        monkeypatch.setattr(quality, f"{part}_figures", note)
    quality.main(arguments)
    assert " ".join(run) == parts
