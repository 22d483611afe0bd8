"""Fringes along silhouettes: as points of a scene, and as the engine draws them."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from make_4d.geometry.core import ldi
from make_4d.geometry.core.camera import Intrinsics, pixel_centers, unproject
from make_4d.geometry.core.color import linear_to_srgb, srgb_to_linear
from make_4d.geometry.core.scene_data import PointArrays, SceneData
from make_4d.geometry.core.splat import underpaint_radius
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.stages import cluster, inpaint, layer_depth, lift, matte
from make_4d.ml.stages.context import StageContext
from make_4d.ml.worker.scene_result import scene_data_of
from make_4d.render import frame, scene_points
from make_4d.render.extract import Cloud
from make_4d.render.frame_request import FrameRequest
from make_4d.render.view import View

HEIGHT, WIDTH = 40, 48
NEAR, FAR = np.float32(1.0), np.float32(0.2)
SETTINGS = JobSettings("photo.jpg", size=WIDTH, layers=2, loop_frames=16, field_of_view=0.96)


def context():
    return StageContext(lambda fraction, detail: None, lambda: False)


@pytest.fixture(scope="module")
def inputs():
    """Results of the stages before the last, for a red ball in front of distant green noise.

    The pixels along its silhouette are mixed.
    """
    rng = np.random.default_rng(4)
    across, down = np.meshgrid(np.arange(WIDTH) - 23.3, np.arange(HEIGHT) - 19.6)
    radius = np.hypot(across, down)
    share = np.clip(12.5 - radius, 0, 1)[..., None]
    behind = np.array([0.1, 0.5, 0.2]) + rng.normal(0, 0.01, (HEIGHT, WIDTH, 1))
    image = linear_to_srgb(share * np.array([0.6, 0.1, 0.1]) + (1 - share) * behind)
    disparity = np.where(radius < 12, NEAR, FAR)
    camera = Intrinsics.from_field_of_view(WIDTH, HEIGHT, SETTINGS.field_of_view)
    made = {
        "image": image,
        "outpainted": image,
        "margins": np.zeros(4, np.int32),
        "focal_35mm": np.zeros(1, np.float32),
        "depth_focal": np.array([camera.focal], np.float32),
        "meters_per_unit": np.zeros(1, np.float32),
        "horizon": np.array([HEIGHT / 2], np.float32),
        "disparity": disparity,
        **{name: np.zeros_like(disparity) for name in ("sky", "water", "falls")},
        "positions": np.zeros((3, 3)),
        "look": np.tile((0.0, 0.0, 1.0), (3, 1)),
    }
    for stage in (matte, cluster, inpaint, layer_depth):
        made |= stage.run(made, SETTINGS, context())
    made["flow"] = np.zeros((*made["depth"].shape, 2), np.float32)
    made["regions"] = made["flow"][0, ..., 0]
    made["tilt"] = np.zeros(1, np.float32)
    return SimpleNamespace(arrays=made, camera=camera)


def built(inputs, **changes) -> SceneData:
    arrays = inputs.arrays | changes
    return scene_data_of(arrays | lift.run(arrays, SETTINGS, context()), SETTINGS, (), "")


def chosen(points: PointArrays, which) -> SimpleNamespace:
    """Some of a cloud's points, without displacements."""
    of_motion = ("forward", "backward", "lifetime")
    names = [f.name for f in fields(PointArrays) if f.name not in of_motion]
    return SimpleNamespace(**{name: getattr(points, name)[which] for name in names})


def test_layers_are_made_from_the_image_behind_the_fringe(inputs):
    arrays = inputs.arrays
    np.testing.assert_array_equal(arrays["color"][0], arrays["back"])
    np.testing.assert_array_equal(
        arrays["depth"][0], ldi.depth_from_disparity(arrays["back_disparity"])
    )
    near, far = arrays["observed"]
    assert not (arrays["observed"].any(axis=0) & arrays["peeled"]).any()
    np.testing.assert_array_equal(near | far, ~arrays["peeled"])
    # The rim belongs to the far layer, which goes on behind it; the ball's layer ends before it.
    assert not arrays["member"][0][arrays["fringe_opacity"] > 0].any()
    assert arrays["member"][1].all()


def test_fringes_become_points_at_the_near_depth(inputs):
    made = built(inputs)
    opacity = inputs.arrays["fringe_opacity"]
    where = opacity > 0
    points = chosen(made.still, made.still.opacity < 1)
    assert where.sum() > 100 and not made.moving.count
    assert points.opacity.max() < 1
    np.testing.assert_array_equal(points.opacity, opacity[where])
    np.testing.assert_array_equal(points.color, inputs.arrays["fringe_color"][where])
    depth = np.full(where.sum(), 1 / NEAR, np.float32)
    expected = unproject(pixel_centers(HEIGHT, WIDTH)[where], depth, inputs.camera)
    np.testing.assert_allclose(points.position, expected, rtol=1e-6)
    radius = np.where(points.opacity < lift.FAINT, lift.FAINT_RADIUS_PX, lift.RADIUS_PX)
    assert len(np.unique(radius)) == 2
    radius = radius * depth / inputs.camera.focal
    np.testing.assert_allclose(points.radius, radius, rtol=1e-6)
    assert (
        (points.observed == 1).all() and (points.layer == 0).all() and (points.disparity == 1).all()
    )
    np.testing.assert_array_equal(points.pixel, inputs.arrays["fringe_source"][where])
    assert made.still.opacity.max() == 1


def test_a_fringe_is_in_the_layer_of_its_depth(inputs):
    """Of two silhouettes, the second between the far layer and one still farther."""
    source = inputs.arrays["fringe_source"].copy()
    opacity = np.zeros((HEIGHT, WIDTH), np.float32)
    opacity[0, :9], source[0, :9] = 0.25, 5
    opacity[20, 20:24], source[20, 20:24] = 0.75, 20 * WIDTH + 22
    made = built(inputs, fringe_opacity=opacity, fringe_source=source)
    points = chosen(made.still, made.still.opacity < 1)
    np.testing.assert_array_equal(points.layer, [0] * 4 + [1] * 9)
    np.testing.assert_array_equal(points.opacity, [0.75] * 4 + [0.25] * 9)
    np.testing.assert_allclose(points.position[:, 2], [1] * 4 + [5] * 9, rtol=1e-6)
    np.testing.assert_array_equal(points.pixel, [20 * WIDTH + 22] * 4 + [HEIGHT * WIDTH + 5] * 9)


def test_a_fringe_moves_with_its_silhouette(inputs):
    flow = np.zeros_like(inputs.arrays["flow"])
    flow[0][inputs.arrays["disparity"] == NEAR] = (0.5, 0)
    made = built(inputs, flow=flow)
    fringe = made.moving.opacity < 1
    assert fringe.sum() == (inputs.arrays["fringe_opacity"] > 0).sum()
    assert not (made.still.opacity < 1).any()
    ends = made.moving.forward[-1][fringe]
    assert (ends[:, 0] > 0).all() and not ends[:, 1:].any()
    windward = made.moving.position[fringe, 0] < -8 / inputs.camera.focal  # moves onto the ball
    expected = 0.5 * SETTINGS.loop_frames / inputs.camera.focal
    np.testing.assert_allclose(ends[windward, 0], expected, rtol=1e-4)


def test_inpainted_points_are_behind_observed_ones(inputs):
    made = built(inputs).still
    assert made.observed.min() == 0 and made.position[made.observed < 1, 2].min() > 5.1
    seen = chosen(made, made.observed == 1)
    assert set(np.round(seen.position[:, 2], 4)) == {1.0, 5.0}


def cloud_of(points: PointArrays) -> Cloud:
    """The points as the engine reads them."""
    color = np.column_stack([srgb_to_linear(points.color), points.opacity]).astype(np.float32)
    count = len(color)
    return Cloud(
        *(points.position, np.eye(4), points.radius, color, points.disparity, points.observed),
        *(points.layer.astype(np.float32), np.ones(count, np.float32), np.zeros(count, bool)),
        *(False, True),
    )


def film_at(inputs, *place: float) -> FrameRequest:
    camera, pose = inputs.camera, np.eye(4)
    pose[:3, 3] = np.negative(place)
    lens, center = (camera.focal, camera.focal), (camera.cx, camera.cy)
    view = View(pose, lens, center, WIDTH, HEIGHT, (0.01, 1000.0))
    return FrameRequest(view, frozenset({"Combined"}), None, 8)


def image_of(cloud: Cloud, film: FrameRequest) -> np.ndarray:
    """Color as sRGB (H, W, 3), top row first, drawn by the CPU."""
    combined = frame.render_clouds([cloud], film, frame.cpu_drawing)["Combined"][::-1]
    return linear_to_srgb(combined[..., :3])


def test_the_photo_is_reproduced_with_its_silhouettes(inputs):
    image = image_of(cloud_of(built(inputs).still), film_at(inputs, 0, 0, 0))
    error = np.abs(image - inputs.arrays["image"])
    assert error.max() < 2 / 255


def test_there_is_no_halo_beside_the_ball(inputs):
    """From the side the ball's edge lies 4.6 pixels farther left; what it hid is green at once."""
    image = srgb_to_linear(image_of(cloud_of(built(inputs).still), film_at(inputs, 0.1, 0, 0)))
    assert np.abs(image[10:30, 32:46] - (0.1, 0.5, 0.2)).max() < 0.06
    assert np.abs(image[15:25, 12:27] - (0.6, 0.1, 0.1)).max() < 0.02


def test_transparent_points_have_no_underpaint(inputs):
    cloud = cloud_of(built(inputs).still)
    film = film_at(inputs, 0.02, 0.01, 0.3)
    seen = scene_points.visible_points([cloud], film)
    fringe = seen.color[:, 3] < 1
    assert fringe.any() and not seen.under[fringe].any()
    travel = float(np.linalg.norm(film.view.world_to_camera[:3, 3]))
    expected = underpaint_radius(seen.splats.radius, seen.splats.z, travel)
    np.testing.assert_array_equal(seen.under[~fringe], expected[~fringe])
    order = scene_points.draw_order(seen, film.view)
    np.testing.assert_array_equal(np.sort(-1 - order[order < 0]), np.flatnonzero(~fringe))
    np.testing.assert_array_equal(np.sort(order[order >= 0]), np.arange(len(fringe)))
