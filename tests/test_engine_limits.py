"""The render engine at its limits: bad input, no GPU, no room, a stop."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import numpy as np
import pytest
import render_scene
from render_scene import (
    HEIGHT,
    WIDTH,
    add,
    add_points,
    camera_of,
    random_points,
    reference,
    rendered,
)

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
engine = import_module("make_4d.render.engine")
extract = engine.extract
splat_pass = import_module("make_4d.render.splat_pass")
session = import_module("make_4d.render.session")


@pytest.fixture(params=["NEAREST", "SORTED"])
def scene(empty_blend, request) -> Iterator:
    with render_scene.opened(empty_blend) as scene:
        scene.make_4d_engine.method = request.param
        yield scene


def test_defaults_for_any_cloud(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32))
    middle = rendered(scene, tmp_path)[HEIGHT // 2, WIDTH // 2]
    np.testing.assert_allclose(middle, extract.DEFAULT_COLOR, rtol=1e-5)


def test_bad_numbers_are_dropped(scene, tmp_path) -> None:
    position = np.array([[np.nan, 0, 2], [0, np.inf, 2], [0, 0, 2], [0, 0, 1]], np.float32)
    color = np.ones((4, 4), np.float32)
    color[2, 1] = np.nan
    add_points(scene, position, radius=np.array([0.1, 0.1, 0.1, np.nan]), color=color)
    picture = rendered(scene, tmp_path)
    assert np.isfinite(picture).all()
    np.testing.assert_allclose(picture[HEIGHT // 2, WIDTH // 2], [1, 0, 1, 1], atol=1e-5)


@pytest.mark.parametrize("count", [None, 0])
def test_without_points(scene, tmp_path, count) -> None:
    if count is not None:
        add_points(scene, np.zeros((count, 3), np.float32))
    assert not rendered(scene, tmp_path)[..., :3].any()


def test_cameras_that_it_cannot_render(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32))
    scene.camera.data.type = "PANO"
    with pytest.raises(RuntimeError, match="must be a perspective or orthographic camera"):
        rendered(scene, tmp_path)
    assert not list(tmp_path.iterdir())
    scene.camera = None
    with pytest.raises(RuntimeError, match="no camera"):
        rendered(scene, tmp_path)


def test_an_error_of_ours_is_reported(scene, tmp_path, monkeypatch) -> None:
    def broken(_) -> None:
        raise KeyError("something unforeseen")

    monkeypatch.setattr(extract, "visible_clouds", broken)
    with pytest.raises(RuntimeError, match="something unforeseen"):
        rendered(scene, tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_gpu_the_picture_is_the_same(scene, rng, tmp_path, monkeypatch) -> None:
    add(scene, random_points(rng))
    picture = rendered(scene, tmp_path)

    def unavailable(*_) -> None:
        raise SystemError("no GPU here")

    monkeypatch.setattr(splat_pass, "SplatPass", unavailable)
    monkeypatch.setattr(session.PointStore, "update", unavailable)
    session.drop()
    np.testing.assert_allclose(rendered(scene, tmp_path), picture, atol=1e-5)


def test_too_large_for_the_exact_method(scene, rng, tmp_path, monkeypatch, capfd) -> None:
    """What the exact method has no room for is drawn sorted, with a notice."""
    points = random_points(rng)
    add(scene, points)
    scene.render.film_transparent = True
    error = ValueError("a picture of 99999 rows is too high for this GPU")
    monkeypatch.setattr(session, "NearestPass", lambda *_: raised(error))
    session.drop()
    picture = rendered(scene, tmp_path)
    alpha = reference(points, camera_of(scene))[1]
    np.testing.assert_allclose(picture[..., 3], alpha, atol=1e-4)
    told = "99999 rows is too high" in capfd.readouterr().out
    assert told == (scene.make_4d_engine.method == "NEAREST")


def raised(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("after", [0, 2, 3])
def test_a_stop_leaves_no_file_and_harms_nothing(
    scene, rng, tmp_path, monkeypatch, after: int
) -> None:
    """Esc, seen at one of the places where the engine looks."""
    add(scene, random_points(rng))
    seen = []

    def stop(_) -> None:
        seen.append(None)
        if len(seen) > after:
            raise engine.RenderStoppedError

    with monkeypatch.context() as patch:
        patch.setattr(engine.Make4DEngine, "_check_stopped", stop)
        scene.render.filepath = str(tmp_path / "stopped.png")
        bpy.ops.render.render(scene=scene.name)
    assert len(seen) == after + 1
    first = rendered(scene, tmp_path)
    np.testing.assert_array_equal(rendered(scene, tmp_path), first)
    assert first[..., :3].any()


@pytest.mark.parametrize("radius", [0.0, -1.0, 1e6, 1e30])
def test_odd_radii(scene, tmp_path, radius: float) -> None:
    """A disc without a radius isn't there; a huge one fills the picture."""
    position = np.array([[0, 0, 2.0], [0.3, 0, 3.0]], np.float32)
    color = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], np.float32)
    add_points(scene, position, radius=np.array([radius, 0.2]), color=color)
    picture = rendered(scene, tmp_path)
    assert np.isfinite(picture).all()
    if radius <= 0:
        assert picture[HEIGHT // 2, WIDTH // 2, 0] == 0
        assert picture[..., 1].max() > 0.9
    else:
        np.testing.assert_allclose(picture[..., 0], 1.0, atol=1e-3)
