"""Update Motion: what was painted and the guides become motion, and the artist's work stays."""

from __future__ import annotations

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from lake_scene import make_lake_file, paint
from make_4d.geometry.custom_properties import MOTION_REGIONS, SETTINGS
from make_4d.geometry.motion_regions import is_painted, read_regions
from make_4d.geometry.nodes.animate import LOOP_LENGTH, SPEED
from make_4d.geometry.nodes.tree import get_input, modifier_of, set_input
from make_4d.geometry.scene_parts import NO_SCENE, parts_of
from make_4d.ml.common.errors import MISSING_PHOTO
from messages import raises_message

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(addon, tmp_path_factory):
    """A file with a 4D scene of a small landscape, made by the operator."""
    return make_lake_file(tmp_path_factory.mktemp("motion"))


@pytest.fixture
def parts(made):
    """The scene's parts, freshly opened."""
    bpy.ops.wm.open_mainfile(filepath=str(made))
    return parts_of(bpy.context.scene)


def moving_pixels(parts) -> np.ndarray:
    """Which pixels (H, W) of the outpainted photo have a moving point that the photo shows."""
    width, height = parts.still[MOTION_REGIONS].size
    moves = np.zeros(width * height, bool)
    if parts.moving is not None:
        cloud = parts.moving.data
        pixel, observed = (
            np.empty(len(cloud.points), np.int32),
            np.empty(len(cloud.points), np.float32),
        )
        cloud.attributes["pixel"].data.foreach_get("value", pixel)
        cloud.attributes["observed"].data.foreach_get("value", observed)
        moves[pixel[observed > 0.5] % moves.size] = True
    return moves.reshape(height, width)


def test_a_scene_has_an_image_of_its_motion_regions(parts):
    image = parts.still[MOTION_REGIONS]
    assert not is_painted(image) and image.packed_file is not None
    found = read_regions(image)
    assert found.shape == (image.size[1], image.size[0]) and 0.05 < (found > 0.5).mean() < 0.98
    assert moving_pixels(parts)[found > 0.9].mean() > 0.8


def test_only_what_is_painted_white_moves(parts):
    image = parts.still[MOTION_REGIONS]
    height = image.size[1]
    paint(image, slice(0, height), slice(None), 0.0)
    paint(image, slice(height - 40, height - 8), slice(20, 90), 1.0)
    assert is_painted(image)
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True) == {"FINISHED"}
    moves = moving_pixels(parts_of(bpy.context.scene))
    inside = np.zeros_like(moves)
    inside[height - 40 : height - 8, 20:90] = True
    assert moves[inside].mean() > 0.6 and not moves[~inside].any()
    assert is_painted(parts.still[MOTION_REGIONS]), "the painting stays"


def test_black_stands_still_and_white_moves_again(parts):
    image = parts.still[MOTION_REGIONS]
    paint(image, slice(None), slice(None), 0.0)
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True) == {"FINISHED"}
    assert len(parts_of(bpy.context.scene).moving.data.points) == 0
    assert bpy.ops.render.render("EXEC_DEFAULT") == {"FINISHED"}
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True, find_again=True) == {"FINISHED"}
    assert len(parts_of(bpy.context.scene).moving.data.points) > 100 and not is_painted(image)


def test_the_artists_changes_stay(parts):
    names = {role: getattr(parts, role).name for role in ("still", "moving", "path", "camera")}
    point = parts.path.data.splines[0].bezier_points[1]
    point.co.x += 0.3
    place = point.co.copy()
    parts.moving.name = "My river"
    set_input(parts.moving, modifier_of(parts.moving, "animate"), SPEED, 0.5)
    material = parts.still.data.materials[0]
    image = parts.still[MOTION_REGIONS]
    paint(image, slice(0, 30), slice(None), 0.0)
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True) == {"FINISHED"}
    after = parts_of(bpy.context.scene)
    assert after.moving.name == "My river" and after.camera.name == names["camera"]
    assert after.path.data.splines[0].bezier_points[1].co == place
    assert after.still.data.materials[0] == material
    assert get_input(modifier_of(after.moving, "animate"), SPEED) == 0.5
    assert len(bpy.data.pointclouds) == 2, "the old points are gone"


def test_painted_regions_are_saved_with_the_file(parts, tmp_path):
    image = parts.still[MOTION_REGIONS]
    paint(image, slice(0, 9), slice(0, 9), 0.0)
    before = read_regions(image)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "other.blend"))
    image = parts_of(bpy.context.scene).still[MOTION_REGIONS]
    np.testing.assert_array_equal(read_regions(image), before)
    assert is_painted(image)


def test_one_undo_restores_the_former_motion(parts):
    bpy.ops.ed.undo_push(message="before")
    count = len(parts.moving.data.points)
    paint(parts.still[MOTION_REGIONS], slice(None), slice(None), 0.0)
    bpy.ops.ed.undo_push(message="painted")
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True) == {"FINISHED"}
    assert len(parts_of(bpy.context.scene).moving.data.points) == 0
    bpy.ops.ed.undo()
    assert len(parts_of(bpy.context.scene).moving.data.points) == count
    bpy.ops.ed.redo()
    assert len(parts_of(bpy.context.scene).moving.data.points) == 0


def test_a_loop_of_another_length(parts):
    before = displacement(parts.moving)
    set_input(parts.moving, modifier_of(parts.moving, "animate"), LOOP_LENGTH, 30)
    assert bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True) == {"FINISHED"}
    after = parts_of(bpy.context.scene)
    assert json.loads(after.still[SETTINGS])["loop_frames"] == 30
    assert get_input(modifier_of(after.moving, "animate"), LOOP_LENGTH) == 30
    share = displacement(after.moving) / before  # half the time is half the way, up to a border
    assert 0.3 < share < 0.85


def displacement(cloud) -> float:
    """Mean way of a cloud's points over its loop."""
    way = np.empty(3 * len(cloud.data.points), np.float32)
    cloud.data.attributes["fwd_8"].data.foreach_get("vector", way)
    return float(np.linalg.norm(way.reshape(-1, 3), axis=1).mean())


def test_a_scene_without_a_4d_scene_is_an_error(addon, empty_blend):
    with raises_message(RuntimeError, NO_SCENE):
        empty_blend.ops.make_4d.update_motion("EXEC_DEFAULT", True)


def test_a_missing_photo_is_an_error(parts):
    parts.still[SETTINGS] = parts.still[SETTINGS].replace("photo.png", "gone.png")
    count = len(parts.still.data.points)
    with raises_message(RuntimeError, MISSING_PHOTO):
        bpy.ops.make_4d.update_motion("EXEC_DEFAULT", True)
    assert len(parts.still.data.points) == count
