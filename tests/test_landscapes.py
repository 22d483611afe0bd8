"""Procedural landscapes: their depth, poses, images and masks agree with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
cv2 = pytest.importorskip("cv2")

from make_4d.geometry.core.camera import Intrinsics, pixel_centers, project, unproject
from make_4d.geometry.landscapes import make, render
from make_4d.geometry.landscapes.materials import Air, plain
from make_4d.geometry.landscapes.meshes import Shape, place
from make_4d.geometry.landscapes.scenery import FIELD_OF_VIEW, CameraPath, Setting
from make_4d.geometry.landscapes.sky import Sky
from make_4d.geometry.landscapes.truth import CLOUD, LAND, SKY, WATER, TruthScene, load_scene

pytestmark = pytest.mark.slow

SIZE, FRAMES = 64, 2
NAME = "river"


@pytest.fixture(scope="module")
def river() -> TruthScene:
    return make.render_landscape(NAME, SIZE, FRAMES)


def warp_first_to_last(scene: TruthScene) -> tuple[Any, Any]:
    """Warp frame 1 into the last frame by depth and pose; also return where both see a surface."""
    first, last = scene.frames[0], scene.frames[-1]
    height, width = last.depth.shape
    depth = np.minimum(last.depth, 1e6)
    points = unproject(pixel_centers(height, width), depth, scene.camera).astype(float)
    to_first = np.linalg.inv(last.world_to_camera)
    points = points @ to_first[:3, :3].T + to_first[:3, 3]
    positions = project(points, scene.camera)
    sampled = (positions[..., 0] - 0.5, positions[..., 1] - 0.5)
    warped = cv2.remap(first.image, *sampled, cv2.INTER_LINEAR)
    column, row = np.floor(np.moveaxis(positions, -1, 0)).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    there = first.depth[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    same = np.abs(np.minimum(there, 1e6) / points[..., 2] - 1) < 0.05
    return warped, inside & same


def test_first_frame_warped_by_depth_and_pose_matches_the_still_frame(river: TruthScene) -> None:
    warped, seen = warp_first_to_last(river)
    still = river.still[-1]
    error = np.abs(warped - still)[seen]
    unmoved = np.abs(river.frames[0].image - still)[seen]
    assert 0.6 < seen.mean() < 0.99
    assert np.median(error) < 0.03
    assert np.mean(error) < 0.5 * np.mean(unmoved)


def test_scene_is_complete(river: TruthScene) -> None:
    assert river.name == NAME
    assert (river.camera.width, river.camera.height) == (64, 40)
    assert len(river.frames) == len(river.still) == FRAMES
    assert np.array_equal(river.frames[0].world_to_camera, np.eye(4))
    assert np.array_equal(river.frames[0].image, river.still[0])
    for frame in river.frames:
        assert frame.image.shape == (40, 64, 3) and 0.2 < frame.image.mean() < 0.8
        assert frame.image.min() >= 0 and frame.image.max() <= 1
        assert (frame.depth > 0.5).all() and 0.02 < np.isinf(frame.depth).mean() < 0.6
        rotation = frame.world_to_camera[:3, :3]
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
    forward = np.linalg.inv(river.frames[-1].world_to_camera)[:3, 3]
    assert forward[2] > 1 and forward[2] > 2 * abs(forward[0])


def test_disparity_and_labels_follow_depth_and_moving(river: TruthScene) -> None:
    frame = river.frames[-1]
    sky = np.isinf(frame.depth)
    assert np.array_equal(frame.disparity == 0, sky)
    np.testing.assert_allclose(frame.disparity[~sky] * frame.depth[~sky], 1, rtol=1e-6)
    assert set(np.unique(frame.labels)) == {LAND, SKY, CLOUD, WATER}
    assert np.array_equal(np.isin(frame.labels, (SKY, CLOUD)), sky)
    assert np.array_equal(np.isin(frame.labels, (CLOUD, WATER)), frame.moving)


def test_only_clouds_and_water_move(river: TruthScene) -> None:
    last = river.frames[-1]
    sky = np.isinf(last.depth)
    assert (last.moving & sky).any() and (last.moving & ~sky).any()
    change = np.abs(last.image - river.still[-1]).max(axis=-1)
    ever = np.logical_or.reduce([frame.moving for frame in river.frames])
    apart = ~cv2.dilate(ever.astype(np.uint8), np.ones((5, 5))).astype(bool) & ~sky
    assert apart.mean() > 0.2
    assert np.mean(change[last.moving]) > 4 * np.mean(change[apart])
    assert np.mean(change[last.moving]) > 0.015


def test_same_arguments_give_the_same_scene(river: TruthScene) -> None:
    again = make.render_landscape(NAME, SIZE, FRAMES)
    for frame, other in zip(river.frames, again.frames, strict=True):
        assert np.array_equal(frame.depth, other.depth)
        assert np.array_equal(frame.moving, other.moving)
        assert np.abs(frame.image - other.image).max() < 0.02
    assert not bpy.data.objects and not bpy.data.materials


def test_another_seed_gives_another_scene(river: TruthScene) -> None:
    other = make.render_landscape(NAME, SIZE, 1, seed=1)
    assert 0.01 < np.mean(other.frames[0].depth != river.frames[0].depth) < 0.9
    assert other.camera == river.camera


def test_depth_is_z_and_not_distance() -> None:
    scene = render.empty_scene()
    setting = Setting(Sky(), Air(), CameraPath(eye=0.0, pitch=0.0, forward=1.5, up=0.25))
    wall = Shape()
    wall.box((-50, 10, -50), (50, 11, 0.5))
    place(wall.mesh("wall", [plain(setting.air, ("808080",))]))
    render.set_up(scene, setting, (48, 30))
    (first, moving), (last, _) = render.render_truth(scene, setting, [0.0, 1.0])
    camera = Intrinsics.from_field_of_view(48, 30, FIELD_OF_VIEW)
    above = (15 - (np.arange(30) + 0.5)) / camera.focal
    for depth, distance, eye in ((first, 10.0, 0.0), (last, 8.5, 0.25)):
        wall_rows = above * distance + eye < 0.5
        assert np.allclose(depth[wall_rows], distance, rtol=1e-4)
        assert np.isinf(depth[~wall_rows][:8]).all()
    assert not moving[np.isfinite(first)].any()


def test_landscape_is_rendered_once_and_stored(
    river: TruthScene, tmp_path: Path, monkeypatch: Any
) -> None:
    calls = []
    monkeypatch.setattr(make, "render_landscape", lambda *given: calls.append(given) or river)
    for _ in range(2):
        scene = load_scene(make.make_landscape(NAME, tmp_path, SIZE, FRAMES))
        assert np.allclose(scene.frames[1].depth, river.frames[1].depth, rtol=2e-4)
    assert calls == [(NAME, SIZE, FRAMES, 0)]
    make.make_landscape(NAME, tmp_path, SIZE, FRAMES, seed=1)
    monkeypatch.setattr(make, "CODE", "changed")
    make.make_landscape(NAME, tmp_path, SIZE, FRAMES)
    assert len(calls) == 3 and len(list(tmp_path.iterdir())) == 3


def test_landscape_of_a_faster_process_is_used(
    river: TruthScene, tmp_path: Path, monkeypatch: Any
) -> None:
    def render(*arguments: Any) -> TruthScene:
        monkeypatch.setattr(make, "render_landscape", lambda *given: river)
        make.make_landscape(NAME, tmp_path, SIZE, FRAMES)  # as in another process
        return river

    monkeypatch.setattr(make, "render_landscape", render)
    folder = make.make_landscape(NAME, tmp_path, SIZE, FRAMES)
    assert load_scene(folder).name == NAME and list(tmp_path.iterdir()) == [folder]


def test_there_are_enough_landscapes() -> None:
    assert len(make.NAMES) >= 6 and set(make.SMALL_NAMES) < set(make.NAMES)
