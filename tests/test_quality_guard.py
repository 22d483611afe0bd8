"""A small run of the quality benchmark on one landscape, which guards the quality reached."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("bpy", reason="Blender's module is not installed")
pytest.importorskip("moderngl", reason="moderngl is not installed")

import _quality_runs as runs
from _gl_context import NoContextError
from _quality_table import Row, measure, sampled_scene
from make_4d.geometry.landscapes.make import SMALL_FRAMES, SMALL_NAMES, SMALL_SIZE, render_landscape

pytestmark = pytest.mark.slow

METHODS = ("full", "without outpainting", "without inpainting", "per-frame generation")


@pytest.fixture(scope="module")
def scene() -> Any:
    return sampled_scene(render_landscape(SMALL_NAMES[0], SMALL_SIZE, SMALL_FRAMES), 3)


def row_of(scene: Any, name: str) -> Row:
    render = runs.renderer(scene, next(method for method in runs.METHODS if method.name == name))
    shots = [render(frame, number) for number, frame in enumerate(scene.frames)]
    return measure(scene, [shot.image for shot in shots], [shot.alpha for shot in shots])


@pytest.fixture(scope="module")
def rows(scene: Any) -> dict[str, Row]:
    return {name: row_of(scene, name) for name in METHODS}


def test_full_method_keeps_its_quality(rows: dict[str, Row]) -> None:
    full = rows["full"]
    assert full.psnr > 26.2 and full.seen > 27.1 and full.revealed > 22.3
    assert full.ssim > 0.835 and full.consistency < 1.5 and full.uncovered < 0.02


def test_every_part_improves_the_result(rows: dict[str, Row]) -> None:
    full = rows["full"]
    for name in METHODS[1:]:
        other = rows[name]
        assert full.psnr > other.psnr and full.ssim >= other.ssim - 0.004, name
    assert full.revealed > rows["without inpainting"].revealed + 3
    assert full.outside > rows["without outpainting"].outside + 3
    assert full.consistency < rows["per-frame generation"].consistency - 1


def test_revealed_areas_are_better_than_a_stretched_mesh(scene: Any, rows: dict[str, Row]) -> None:
    try:
        mesh = row_of(scene, "one-layer mesh")
    except NoContextError as error:
        pytest.skip(str(error))
    assert rows["full"].revealed > mesh.revealed + 0.8  # 2 dB and more at twice the size
