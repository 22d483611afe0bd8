"""Motion guides in a scene: where the photo's camera sees them, their speed, adding one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry.build import build_scene
from make_4d.geometry.clouds import make_points
from make_4d.geometry.core.camera import blender_from_camera, unproject
from make_4d.geometry.core.color import srgb_to_linear
from make_4d.geometry.guides import SPEED, guide_lines, guides_of, make_guide, widest_run
from make_4d.geometry.photo_view import outpainted_lens, photo_area, view_from_photo
from make_4d.geometry.scene_parts import NO_SCENE, parts_of
from make_4d.operators import motion, reporting
from messages import raises_message


@pytest.fixture
def parts(empty_blend, make_scene_data):
    build_scene(make_scene_data(), "photo", bpy.context.scene)
    return parts_of(bpy.context.scene)


def line_at(pixels, depth, lens) -> np.ndarray:
    """Points in the cloud's frame that the photo's camera sees at pixels (n, 2)."""
    values = np.asarray(pixels, np.float32)
    return blender_from_camera(unproject(values, np.full(len(values), depth, np.float32), lens))


@pytest.mark.parametrize("depth", [0.5, 3.0])
def test_guide_is_projected_into_the_photo(parts, depth):
    lens = outpainted_lens(parts.still)
    pixels = [(10.0, 8.0), (20.0, 12.0), (30.0, 9.0)]
    make_guide(parts.still, line_at(pixels, depth, lens), 1.0)
    (line,) = guide_lines(guides_of(bpy.context.scene), parts.still, lens)
    for pixel in pixels:
        assert np.abs(line[:, :2] - pixel).sum(1).min() < 1e-3
    assert (np.diff(line[:, 0]) > 0).all() and (line[:, 2] == 1).all()


def test_moving_cloud_and_guide_together_changes_nothing(parts):
    lens = outpainted_lens(parts.still)
    guide = make_guide(parts.still, line_at([(10, 8), (20, 12)], 2.0, lens), 1.0)
    before = guide_lines([guide], parts.still, lens)[0]
    for thing in (guide, parts.still):
        thing.location, thing.rotation_euler, thing.scale = (3, -2, 1), (0.4, 0.2, 1), (2, 2, 2)
    bpy.context.view_layer.update()
    np.testing.assert_allclose(guide_lines([guide], parts.still, lens)[0], before, atol=1e-3)


def test_speed_is_radius_times_speed_of_the_guide(parts):
    lens = outpainted_lens(parts.still)
    guide = make_guide(parts.still, line_at([(10, 8), (20, 12)], 2.0, lens), 0.5)
    guide.data.splines[0].bezier_points[1].radius = 3.0
    line = guide_lines([guide], parts.still, lens)[0]
    np.testing.assert_allclose(line[[0, -1], 2], [0.5, 1.5], atol=1e-6)
    guide[SPEED] = 0.0
    assert (guide_lines([guide], parts.still, lens)[0][:, 2] == 0).all()


def test_drawn_closed_and_empty_splines(parts):
    lens = outpainted_lens(parts.still)
    guide = make_guide(parts.still, np.zeros((0, 3)), 1.0)
    assert guide_lines([guide], parts.still, lens) == ()
    spline = guide.data.splines.new("POLY")
    spline.points.add(2)
    for point, place in zip(spline.points, line_at([(5, 5), (9, 5), (9, 9)], 1, lens), strict=True):
        point.co = (*place, 1.0)
    assert len(guide_lines([guide], parts.still, lens)[0]) == 3
    spline.use_cyclic_u = True
    assert len(guide_lines([guide], parts.still, lens)[0]) == 4


def test_arrows_point_along_a_guide(parts):
    guide = make_guide(parts.still, np.array([[0.0, 2, 0], [0.5, 2, 0], [1, 2, 0]]), 1.0)
    guide.data.splines[0].bezier_points[2].radius = 2.0
    depsgraph = bpy.context.evaluated_depsgraph_get()
    along = np.array(
        [
            instance.matrix_world.col[2][:3]
            for instance in depsgraph.object_instances
            if instance.is_instance and instance.parent.original == guide
        ]
    )
    assert len(along) == 8
    assert (np.abs(along[:, 1:]) < 1e-3).all() and (along[:, 0] > 0).all()
    assert along[-1, 0] > 1.6 * along[0, 0], "faster points have longer arrows"


def test_points_behind_the_camera_are_left_out(parts):
    lens = outpainted_lens(parts.still)
    guide = make_guide(parts.still, np.array([[0, -1, 0], [0, -2, 0], [0, -3, 0.5]]), 1.0)
    assert guide_lines([guide], parts.still, lens) == ()


def test_new_guide_is_in_the_largest_moving_region(addon, parts):
    assert bpy.ops.make_4d.add_guide() == {"FINISHED"}
    lens = outpainted_lens(parts.still)
    (guide,) = guides_of(bpy.context.scene)
    assert bpy.context.view_layer.objects.active == guide and guide.hide_render
    (line,) = guide_lines([guide], parts.still, lens)
    rows, columns = photo_area(parts.still)
    assert (line[:, 0] > columns.start).all() and (line[:, 0] < columns.stop).all()
    assert (line[:, 1] > rows.start).all()
    # The moving region of the made flight is the sky, above the middle.
    assert (line[:, 1] < lens.height / 2).all() and line[-1, 0] > line[0, 0] + 5


def test_drawn_guide_starts_empty_in_edit_mode(addon, parts):
    assert bpy.ops.make_4d.add_guide(draw_it=True) == {"FINISHED"}
    assert bpy.context.mode == "EDIT_CURVE"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(guides_of(bpy.context.scene)[0].data.splines) == 0


def test_scene_without_clouds_is_reported(addon, empty_blend):
    with raises_message(RuntimeError, NO_SCENE):
        bpy.ops.make_4d.add_guide()


@pytest.mark.parametrize("draw_it", [False, True])
def test_excluded_collection_is_one_message(addon, parts, draw_it):
    layer = bpy.context.view_layer
    photo, other = bpy.data.collections.new("Photo"), bpy.data.collections.new("Other")
    for collection in (photo, other):
        bpy.context.scene.collection.children.link(collection)
    for part in (parts.still, parts.moving):
        for collection in part.users_collection:
            collection.objects.unlink(part)
        photo.objects.link(part)
    layer.layer_collection.children["Photo"].exclude = True
    with raises_message(RuntimeError, motion.EXCLUDED):
        bpy.ops.make_4d.add_guide(draw_it=draw_it)
    assert guides_of(bpy.context.scene) == []


def test_refused_operator_is_one_message(addon, parts, monkeypatch):
    class Refuse(motion.Reports, bpy.types.Operator):
        bl_idname = "make_4d.test_refuse"
        bl_label = "Refuse"

        def run(self, context):
            motion.call(bpy.ops.object.mode_set, mode="SCULPT_CURVES")
            return ""

    bpy.utils.register_class(Refuse)
    try:
        with raises_message(RuntimeError, reporting.NESTED):
            bpy.ops.make_4d.test_refuse()
    finally:
        bpy.utils.unregister_class(Refuse)


def test_painting_that_cannot_start_leaves_no_canvas(addon, parts, monkeypatch):
    real = motion.call

    def call(operator, *args, **properties):
        if properties.get("mode") == "TEXTURE_PAINT":
            raise motion.OperatorError(reporting.NESTED, reason="refused")
        real(operator, *args, **properties)

    monkeypatch.setattr(motion, "call", call)
    with raises_message(RuntimeError, reporting.NESTED):
        bpy.ops.make_4d.paint_motion()
    assert motion.canvas_of(bpy.context.scene) is None
    assert not parts.still.hide_get()


def test_photo_view_shows_the_nearest_point_of_every_pixel(parts, make_scene_data):
    lens = outpainted_lens(parts.still)
    front = view_from_photo([parts.still, parts.moving], lens)
    scene_data = make_scene_data()
    for points in (scene_data.still, scene_data.moving):
        seen = points.position
        columns = (seen[:, 0] / seen[:, 2] * lens.focal + lens.cx).astype(int)
        rows = (seen[:, 1] / seen[:, 2] * lens.focal + lens.cy).astype(int)
        np.testing.assert_allclose(front.depth[rows, columns], seen[:, 2], rtol=1e-5)
        colors = srgb_to_linear(points.color)
        np.testing.assert_allclose(front.color[rows, columns], colors, atol=1e-5)


def test_photo_view_shows_the_nearer_cloud_and_fills_gaps(parts, make_scene_data):
    lens = outpainted_lens(parts.still)
    front = view_from_photo([parts.still, parts.moving], lens)
    alone = view_from_photo([parts.moving], lens)
    assert np.isfinite(alone.depth).all() and (alone.depth > 50).all()
    still = make_scene_data().still
    nearer = make_points("copy", replace(still, position=0.5 * still.position))
    both = bpy.data.objects.new("copy", nearer)
    halved = view_from_photo([both, parts.still, parts.moving], lens).depth
    covered = front.depth < 50
    np.testing.assert_allclose(halved[covered], 0.5 * front.depth[covered], rtol=1e-4)


def test_widest_run_of_masks():
    mask = np.zeros((10, 20), bool)
    assert widest_run(mask) == (0, 0, 0)
    mask[1:3, 1:4] = True
    mask[5:8, 4:15] = True
    mask[6, 7] = False
    assert widest_run(mask) == (0.65, 0.4, 0.75)
