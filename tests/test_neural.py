"""The method Neural: what the worker gets, what it generates, and what is reported as missing."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_models
from make_4d.geometry.core import splat
from make_4d.geometry.core.color import linear_to_srgb
from make_4d.geometry.core.feature_files import features_path, save_features
from make_4d.geometry.core.neural_frame import (
    BACKWARD,
    FORWARD,
    PAPER_RADIUS,
    STILL,
    load_frame,
    save_frame,
)
from make_4d.geometry.custom_properties import FEATURES, NETWORKS
from make_4d.geometry.folders import cache_folder
from make_4d.jobs.manager import manager
from make_4d.ml.networks import render_frame
from make_4d.ml.networks.checkpoint import load_networks
from make_4d.ml.networks.features import point_features
from make_4d.ml.stages.context import StageContext
from make_4d.render import draw, engine, extract, neural
from make_4d.render.frame_request import FrameRequest
from make_4d.render.kept_workers import kept_workers
from make_4d.render.view import View
from render_scene import HEIGHT, WIDTH, add_flight, camera_of, opened, photo_flight, rendered

NAME = "0123456789abcdef01234567"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_models.save_checkpoint(tmp_path_factory.mktemp("networks") / "paper.pth")


@pytest.fixture
def scene(addon, empty_blend, make_scene_data, checkpoint, tmp_path):
    """A saved file with moving scene data, a quarter through its loop, with features."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    scene_data, _ = photo_flight(make_scene_data, motion=True)
    with opened(bpy) as scene:
        add_flight(scene, scene_data, phase=0.25)
        maps = np.random.default_rng(4).normal(0, 1, (2, 32, 18, 22)).astype(np.float16)
        save_features(cache_folder(), NAME, maps, (HEIGHT + 24, WIDTH + 24))
        for cloud in (item for item in scene.objects if item.type == "POINTCLOUD"):
            cloud[FEATURES], cloud[NETWORKS] = NAME, str(checkpoint)
        scene.make_4d_engine.method = "NEURAL"
        yield scene
    neural.release()


def clouds_and_request(scene):
    camera = camera_of(scene)
    view = View(
        np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
        (camera.focal, camera.focal),
        (camera.cx, camera.cy),
        WIDTH,
        HEIGHT,
        (0.01, 1000.0),
    )
    clouds = extract.visible_clouds(bpy.context.evaluated_depsgraph_get())
    return clouds, FrameRequest(view, frozenset({"Combined"}), None, 8)


def decoded_by_hand(frame, networks):
    """The frame's image from the numpy renderer and the networks alone."""
    maps, (height, width) = np.load(frame.features[0])["maps"], (HEIGHT + 24, WIDTH + 24)
    channels = np.zeros((len(frame.u), 37), np.float32)
    channels[:, :3], channels[:, 3], channels[:, 36] = frame.color, 1.0, frame.disparity
    for i, pixel in enumerate(frame.pixel):
        layer, rest = divmod(int(pixel), height * width)
        row, column = divmod(rest, width)
        channels[i, 4:36] = bilinear(maps[layer].astype(np.float32), row, column, (height, width))
    images = []
    for left_out in (BACKWARD, FORWARD):
        at = frame.group != left_out
        splats = splat.Splats(frame.u[at], frame.v[at], frame.z[at], frame.radius[at])
        drawn = splat.composite(splats, channels[at], frame.size, frame.nearest, frame.opacity[at])
        images.append(torch.from_numpy(drawn.image.astype(np.float32)).permute(2, 0, 1)[None])
    with torch.inference_mode():
        return networks.decoder(*images, frame.phase)[0].permute(1, 2, 0).numpy()


def bilinear(maps, row, column, size):
    """Features (C,) of a pixel's center in maps (C, h, w) of a result of `size`."""
    place = []
    for at, length, small in zip((row, column), size, maps.shape[1:], strict=True):
        position = at * (small - 1) / (length - 1)
        low = min(int(position), small - 2) if small > 1 else 0
        place.append((low, min(low + 1, small - 1), position - low))
    (top, bottom, y), (left, right, x) = place
    upper = maps[:, top, left] * (1 - x) + maps[:, top, right] * x
    lower = maps[:, bottom, left] * (1 - x) + maps[:, bottom, right] * x
    return upper * (1 - y) + lower * y


def test_a_frame_holds_what_the_camera_sees(scene):
    clouds, request = clouds_and_request(scene)
    frame = neural.neural_frame(clouds, request)
    assert frame.size == (HEIGHT, WIDTH) and frame.phase == pytest.approx(0.25)
    assert set(frame.group) == {STILL, FORWARD, BACKWARD}
    assert (frame.source == 0).all() and (frame.pixel >= 0).all()
    camera = camera_of(scene)
    radius = np.concatenate([c.radius for c in clouds])
    # All points have a radius of one pixel of the photo.
    assert frame.radius.max() <= PAPER_RADIUS * 1.01 * camera.focal * (radius / 0.5).max()
    assert frame.color.min() >= 0 and frame.color.max() <= 1


def test_frames_are_loaded_as_they_were_saved(scene, tmp_path):
    clouds, request = clouds_and_request(scene)
    frame = neural.neural_frame(clouds, request)
    save_frame(frame, tmp_path)
    again = load_frame(tmp_path)
    for name, value in vars(frame).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_the_worker_generates_what_numpy_renderer_and_networks_give(scene, checkpoint):
    clouds, request = clouds_and_request(scene)
    frame = neural.neural_frame(clouds, request)
    networks = load_networks(checkpoint)
    context = StageContext(lambda fraction, detail: None, lambda: False)
    image, alpha = render_frame.render(frame, networks, context)
    expected = decoded_by_hand(frame, networks)
    assert expected.std() > 0.01
    np.testing.assert_allclose(image.numpy(), expected, atol=2e-4)
    assert float(alpha.min()) >= 0 and float(alpha.max()) <= 1 + 1e-6


def test_a_render_shows_the_generated_frame(scene, checkpoint, tmp_path):
    clouds, request = clouds_and_request(scene)
    frame = neural.neural_frame(clouds, request)
    image, alpha = render_frame.render(
        frame, load_networks(checkpoint), StageContext(lambda f, d: None, lambda: False)
    )
    scene.render.film_transparent = True
    result = rendered(scene, tmp_path)
    np.testing.assert_allclose(result[..., 3], alpha.numpy(), atol=1e-4)
    shown = alpha.numpy() > 0.5
    color = linear_to_srgb(result[..., :3] / np.maximum(result[..., 3:], 1e-6))
    np.testing.assert_allclose(color[shown], image.numpy()[shown], atol=2e-3)


def test_frames_share_a_worker(scene):
    clouds, request = clouds_and_request(scene)
    first = neural.generate_combined(clouds, request, lambda: None)
    [worker] = kept_workers().idle
    second = neural.generate_combined(clouds, request, lambda: None)
    assert kept_workers().idle == (worker,) and worker.is_alive
    np.testing.assert_array_equal(first, second)
    neural.release()
    assert not worker.is_alive


def test_free_models_ends_the_worker_of_the_frames(scene):
    neural.generate_combined(*clouds_and_request(scene), lambda: None)
    [worker] = kept_workers().idle
    assert manager().keeps_models and bpy.ops.make_4d.free_models() == {"FINISHED"}
    assert not worker.is_alive and not bpy.ops.make_4d.free_models.poll()


@pytest.mark.parametrize("keeps", [False, True])
def test_keep_in_memory_holds_for_the_worker_of_the_frames(scene, monkeypatch, keeps):
    monkeypatch.setattr(neural, "preference", {"keep_models": keeps, "device": "cpu"}.get)
    neural.generate_combined(*clouds_and_request(scene), lambda: None)
    [worker] = kept_workers().idle
    neural.release()
    assert worker.is_alive == keeps
    manager().free_models()
    assert not worker.is_alive


def test_escape_stops_the_worker(scene):
    clouds, request = clouds_and_request(scene)

    class Stopped(Exception):
        pass

    def check():
        raise Stopped

    with pytest.raises(Stopped):
        neural.generate_combined(clouds, request, check)
    assert not kept_workers().idle  # it was busy, and is gone


def reported(scene, tmp_path, capfd):
    result = rendered(scene, tmp_path)
    return result, capfd.readouterr().out


@pytest.mark.parametrize("lack", ["features", "file", "networks", "damaged"])
def test_missing_inputs_are_reported_and_colors_are_drawn(
    scene, tmp_path, capfd, monkeypatch, lack
):
    scene.make_4d_engine.method = "AUTO"
    plain = rendered(scene, tmp_path)
    scene.make_4d_engine.method = "NEURAL"
    notices = []
    monkeypatch.setattr(
        "make_4d.render.engine.Make4DEngine._notice", lambda self, text: notices.append(text)
    )
    clouds = [item for item in scene.objects if item.type == "POINTCLOUD"]
    path = features_path(cache_folder(), NAME)
    if lack == "file":
        shutil.rmtree(path.parent)
    elif lack == "damaged":
        path.write_bytes(path.read_bytes()[:1000])
    for cloud in clouds:
        if lack == "features":
            del cloud[FEATURES]
        elif lack == "networks":
            cloud[NETWORKS] = str(tmp_path / "gone.pth")
    result = rendered(scene, tmp_path)
    np.testing.assert_allclose(result, plain, atol=1e-6)
    [notice] = notices
    before, after = draw.COLORS_INSTEAD.split("{error}")
    assert notice.startswith(before) and notice.endswith(after)
    values = {"file": str(path.parent), "networks": "gone.pth"}
    assert values.get(lack, "") in notice
    if lack == "features":
        assert notice == draw.COLORS_INSTEAD.format(error=neural.NO_FEATURES)


def test_an_animation_stops_without_features(scene, tmp_path):
    """On a farm, one machine without the features would render frames unlike all others."""
    scene.make_4d_engine.method = "NEURAL"
    path = features_path(cache_folder(), NAME)
    shutil.rmtree(path.parent)
    scene.render.filepath = str(tmp_path / "frame_")
    beginning = engine.NOT_GENERATED.format(frame=1, error="")
    folder = re.escape(str(path.parent))
    with pytest.raises(RuntimeError, match=f"{re.escape(beginning)}.*{folder}"):
        bpy.ops.render.render(animation=True, frame_start=1, frame_end=1)
    assert not list(tmp_path.glob("frame_*"))


def test_points_without_a_pixel_have_no_features():
    maps = torch.ones(1, 3, 2, 2)
    pixel = torch.tensor([-1, 0, 15])
    features = point_features(maps, pixel, (4, 4))
    np.testing.assert_array_equal(features, [[0, 0, 0], [1, 1, 1], [1, 1, 1]])


def test_other_point_clouds_are_drawn_too(scene):
    clouds, request = clouds_and_request(scene)
    own = replace(clouds[0], features="", networks="", pixel=None)
    frame = neural.neural_frame([*clouds[1:], own], request)
    assert set(frame.source) == {0, -1} and (frame.pixel[frame.source == -1] == -1).all()


def test_from_the_button_to_a_generated_frame(addon, empty_blend, checkpoint, tmp_path):
    rng = np.random.default_rng(5)
    image = np.zeros((48, 64, 3), np.float32)
    image[:26], image[26:] = (235, 205, 160), (50, 120, 70)
    image[26:] += rng.normal(0, 15, (22, 64, 1))
    cv2.imwrite(str(tmp_path / "meadow.png"), image.clip(0, 255).astype(np.uint8))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    settings = bpy.context.scene.make_4d
    settings.photo, settings.size, settings.frames = str(tmp_path / "meadow.png"), 64, 2
    settings.networks = str(checkpoint)
    assert bpy.ops.make_4d.make("EXEC_DEFAULT", True) == {"FINISHED"}
    scene = bpy.context.scene
    assert scene.make_4d_engine.method == "NEURAL" and scene.make_4d.networks == str(checkpoint)
    clouds = [item for item in scene.objects if item.type == "POINTCLOUD"]
    assert clouds and all(thing[NETWORKS] == str(checkpoint) for thing in clouds)
    generated = rendered(scene, tmp_path)
    scene.make_4d_engine.method = "AUTO"
    plain = rendered(scene, tmp_path)
    assert np.isfinite(generated).all()
    assert np.abs(generated - plain).max() > 0.05  # different, with random weights
    neural.release()
    assert Path(bpy.data.filepath).parent.joinpath("make_4d_cache", "features").is_dir()
