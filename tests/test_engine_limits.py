"""The render engine at its limits: invalid input, no GPU, no room, a stopped render."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace

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
draw = import_module("make_4d.render.draw")
gpu_tools = import_module("make_4d.render.gpu_tools")
nearest_pass = import_module("make_4d.render.nearest_pass")
draw = import_module("make_4d.render.draw")
gpu_tools = import_module("make_4d.render.gpu_tools")
nearest_pass = import_module("make_4d.render.nearest_pass")


@pytest.fixture(params=["NEAREST", "SORTED"])
def scene(empty_blend, request) -> Iterator:
    with render_scene.opened(empty_blend) as scene:
        scene.make_4d_engine.method = request.param
        yield scene


def test_any_cloud_gets_defaults(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32))
    middle = rendered(scene, tmp_path)[HEIGHT // 2, WIDTH // 2]
    np.testing.assert_allclose(middle, extract.DEFAULT_COLOR, rtol=1e-5)


def test_invalid_numbers_are_dropped(scene, tmp_path) -> None:
    position = np.array([[np.nan, 0, 2], [0, np.inf, 2], [0, 0, 2], [0, 0, 1]], np.float32)
    color = np.ones((4, 4), np.float32)
    color[2, 1] = np.nan
    add_points(scene, position, radius=np.array([0.1, 0.1, 0.1, np.nan]), color=color)
    result = rendered(scene, tmp_path)
    assert np.isfinite(result).all()
    np.testing.assert_allclose(result[HEIGHT // 2, WIDTH // 2], [1, 0, 1, 1], atol=1e-5)


@pytest.mark.parametrize("count", [None, 0])
def test_without_points(scene, tmp_path, count) -> None:
    if count is not None:
        add_points(scene, np.zeros((count, 3), np.float32))
    assert not rendered(scene, tmp_path)[..., :3].any()


def test_unsupported_cameras_are_reported(scene, tmp_path) -> None:
    add_points(scene, np.array([[0, 0, 2]], np.float32))
    scene.camera.data.type = "PANO"
    problem = engine.UNSUPPORTED_CAMERA.format(name=scene.camera.name)
    with pytest.raises(RuntimeError, match=problem):
        rendered(scene, tmp_path)
    assert not list(tmp_path.iterdir())
    scene.camera = None
    with pytest.raises(RuntimeError, match="no camera"):  # Blender's own check
        rendered(scene, tmp_path)


def test_a_bug_is_reported(scene, tmp_path, monkeypatch) -> None:
    def broken(_) -> None:
        raise KeyError("something unforeseen")

    monkeypatch.setattr(extract, "visible_clouds", broken)
    with pytest.raises(RuntimeError, match="something unforeseen"):
        rendered(scene, tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_gpu_the_image_is_the_same(scene, rng, tmp_path, monkeypatch) -> None:
    add(scene, random_points(rng))
    result = rendered(scene, tmp_path)

    def unavailable(*_) -> None:
        raise SystemError("no GPU here")

    monkeypatch.setattr(splat_pass, "SplatPass", unavailable)
    monkeypatch.setattr(session.PointStore, "update", unavailable)
    engine.Make4DEngine.resources.drop_session()
    np.testing.assert_allclose(rendered(scene, tmp_path), result, atol=1e-5)


@pytest.fixture
def notices(monkeypatch) -> list[str]:
    """The warnings that the engine gives the artist."""
    given: list[str] = []
    monkeypatch.setattr(engine.Make4DEngine, "_notice", lambda self, text: given.append(text))
    return given


def test_too_large_for_nearest_points(scene, rng, tmp_path, monkeypatch, notices) -> None:
    """What Nearest Points has no room for is drawn sorted, with a notice."""
    points = random_points(rng)
    add(scene, points)
    scene.render.film_transparent = True
    small = SimpleNamespace(max_texture_size_get=lambda: HEIGHT)
    monkeypatch.setattr(nearest_pass.gpu, "capabilities", small)
    result = rendered(scene, tmp_path)
    alpha = reference(points, camera_of(scene))[1]
    np.testing.assert_allclose(result[..., 3], alpha, atol=1e-4)
    nearest = scene.make_4d_engine.method == "NEAREST"
    problem = gpu_tools.TOO_HIGH.format(rows=HEIGHT)
    assert notices == ([draw.SORTED_INSTEAD.format(error=problem)] if nearest else [])


@pytest.mark.parametrize("module", ["session", "splat_pass"])
def test_a_bug_in_gpu_code_is_no_missing_gpu(
    scene, rng, tmp_path, monkeypatch, notices, module: str
) -> None:
    """A ValueError of this add-on's GPU code ends the render instead of drawing another way."""
    scene.make_4d_engine.method = "NEAREST" if module == "session" else "SORTED"
    add(scene, random_points(rng))

    def broken(*_) -> None:
        raise ValueError("shapes do not match")

    uploading = {"session": (session.PointStore, "update"), "splat_pass": (splat_pass, "SplatPass")}
    monkeypatch.setattr(*uploading[module], broken)
    with pytest.raises(RuntimeError, match="ValueError: shapes do not match"):
        rendered(scene, tmp_path)
    assert not notices


@pytest.mark.parametrize("after", [0, 2, 3])
def test_a_stopped_render_leaves_no_file_and_does_no_harm(
    scene, rng, tmp_path, monkeypatch, after: int
) -> None:
    """Esc, noticed at one of the places where the engine checks for it."""
    add(scene, random_points(rng))
    checks = []

    def stop(_) -> None:
        checks.append(None)
        if len(checks) > after:
            raise engine.RenderStoppedError

    with monkeypatch.context() as patch:
        patch.setattr(engine.Make4DEngine, "_check_stopped", stop)
        scene.render.filepath = str(tmp_path / "stopped.png")
        bpy.ops.render.render(scene=scene.name)
    assert len(checks) == after + 1
    first = rendered(scene, tmp_path)
    np.testing.assert_array_equal(rendered(scene, tmp_path), first)
    assert first[..., :3].any()


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_stopped_render_with_vectors_leaves_the_frame(
    scene, rng, monkeypatch, after: int
) -> None:
    """Esc while the frames before and after are read for the Vector pass."""
    add(scene, random_points(rng))
    scene.view_layers[0].use_pass_vector = True
    scene.frame_set(7)
    frames = []

    def stop(_) -> None:
        frames.append(scene.frame_current)
        if len(frames) >= after:
            raise engine.RenderStoppedError

    monkeypatch.setattr(engine.Make4DEngine, "_check_stopped", stop)
    bpy.ops.render.render(scene=scene.name)
    assert frames == [6, 8, 7][:after]
    assert scene.frame_current == 7


@pytest.mark.parametrize("radius", [0.0, -1.0, 1e6, 1e30])
def test_odd_radii(scene, tmp_path, radius: float) -> None:
    """A disc without a radius isn't drawn; a huge one fills the image."""
    position = np.array([[0, 0, 2.0], [0.3, 0, 3.0]], np.float32)
    color = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], np.float32)
    add_points(scene, position, radius=np.array([radius, 0.2]), color=color)
    result = rendered(scene, tmp_path)
    assert np.isfinite(result).all()
    if radius <= 0:
        assert result[HEIGHT // 2, WIDTH // 2, 0] == 0
        assert result[..., 1].max() > 0.9
    else:
        np.testing.assert_allclose(result[..., 0], 1.0, atol=1e-3)
