"""A synthetic river with guides: no frame of its loop has a hole or a jump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("bpy", reason="Blender's module is not installed")

import _quality_loop as loop
import _quality_runs as runs
from make_4d.geometry.core.camera import Intrinsics, pixel_centers, project
from make_4d.geometry.core.editable_images import MOTION_FILE
from make_4d.geometry.core.motion_edits import MotionEdits, save_edits
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.stages import lift, motion
from make_4d.ml.worker.scene_result import scene_data_of

HEIGHT, WIDTH, MARGIN, HORIZON = 120, 168, 16, 48
EYE_HEIGHT, FARTHEST = 0.7, 100.0
FRAMES = 60
OUTPAINTED = (HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
POST = np.s_[70:104, 92:100]
BENT = [(100, 70, 3), (112, 84, 3), (92, 104, 4), (76, 150, 3)]
OPPOSED = [[(100, 70, 3), (106, 88, 3)], [(84, 148, 3), (92, 112, 3)]]
WIND = [(170, 10, 2), (60, 30, 1), (20, 8, 2)]


def river() -> np.ndarray:
    """Mask (H, W) of a river that winds from the horizon to the outpainted photo's lower border."""
    x, y = np.moveaxis(pixel_centers(*OUTPAINTED), -1, 0)
    near = np.clip((y - HORIZON - MARGIN / 2) / (OUTPAINTED[0] - HORIZON), 0, 1)
    center = 104 + 14 * np.sin(7 * near) - 22 * near
    return (np.abs(x - center) < 5 + 58 * near) & (near > 0.02)


def river_of_the_photo() -> np.ndarray:
    """The part of the river that the photo shows, (H, W)."""
    shown = river()
    shown[POST] = False
    return shown


@pytest.fixture(scope="module")
def inputs():
    """Results of the stages before the motion: near, a post and the river's end; far, the rest.

    The inpainted far ground behind the near water is red.
    """
    rng = np.random.default_rng(3)
    focal = Intrinsics.from_field_of_view(WIDTH, HEIGHT, np.radians(55.0)).focal
    down = np.maximum(np.arange(OUTPAINTED[0]) + 0.5 - HORIZON, 1e-3) / focal
    ground = (
        np.minimum(EYE_HEIGHT / down, FARTHEST)[:, None].repeat(OUTPAINTED[1], 1).astype(np.float32)
    )
    post = np.zeros(OUTPAINTED, bool)
    post[POST] = True
    foot = ground[POST[0].stop - 1, 0]
    near = post | (np.arange(OUTPAINTED[0])[:, None] >= POST[0].stop)
    sky = np.zeros(OUTPAINTED, np.float32)
    sky[:HORIZON] = 1
    noise = ndimage.gaussian_filter(rng.normal(size=OUTPAINTED), 2.0)
    gray = (0.5 + 0.12 * noise / noise.std()).clip(0, 1).astype(np.float32)
    outpainted = np.repeat(gray[..., None], 3, axis=-1)
    far = outpainted.copy()
    far[near & ~post & river()] = 1, 0, 0
    return {
        "image": outpainted[MARGIN:-MARGIN, MARGIN:-MARGIN],
        "margins": np.full(4, MARGIN),
        "focal_35mm": np.zeros(1, np.float32),
        "depth_focal": np.array([focal], np.float32),
        "meters_per_unit": np.zeros(1, np.float32),
        "horizon": np.array([HORIZON], np.float32),
        "tilt": np.zeros(1, np.float32),
        "positions": np.zeros((3, 3)),
        "look": np.tile((0.0, 0.0, 1.0), (3, 1)),
        "outpainted": outpainted,
        "sky": sky,
        "water": 0 * sky,
        "falls": 0 * sky,
        "disparity": (1 / np.where(post, foot, ground)).astype(np.float32),
        "color": np.stack([outpainted, far]),
        "depth": np.stack([np.minimum(ground, foot), np.maximum(ground, foot)]),
        "member": np.stack([near, np.ones_like(near)]),
        "observed": np.stack([near, ~near]),
        "layer_sky": np.stack([0 * sky, sky]),
        "bins": np.array([0.0, foot * 1.01, FARTHEST]),
        "fringe_opacity": np.zeros(OUTPAINTED, np.float32),
        "fringe_color": outpainted,
        "fringe_source": np.arange(outpainted[..., 0].size, dtype=np.int32).reshape(OUTPAINTED),
    }


@pytest.fixture
def make(inputs, tmp_path):
    """Scene data of the river with guides [(x, y, speed), ...]."""

    def made(guides):
        painted = np.maximum(river_of_the_photo(), inputs["sky"]).astype(np.float32)
        lines = tuple(np.array(guide, np.float32) for guide in guides)
        save_edits(MotionEdits(painted, lines), tmp_path / MOTION_FILE)
        settings = JobSettings(
            "photo.png", size=WIDTH, layers=2, loop_frames=FRAMES, edits=str(tmp_path)
        )
        context = runs.quiet_context()
        arrays = inputs | motion.run(inputs, settings, context)
        return scene_data_of(arrays | lift.run(arrays, settings, context), settings, (), "")

    return made


def images_of(made, frames):
    return {t: loop.shot_at(made, t, made.plan.camera) for t in frames}


def test_no_hole_opens_and_no_seam_shows_in_any_frame(make):
    shots = images_of(make([BENT, WIND]), range(FRAMES + 1))
    assert min(shot.alpha.min() for shot in shots.values()) > 0.5
    steps = [loop.difference(shots[t].image, shots[t + 1].image) for t in range(FRAMES)]
    assert loop.difference(shots[0].image, shots[FRAMES].image) < 1e-4
    assert min(steps) > 0 and steps[-1] <= 1.2 * max(steps[:-1])


@pytest.mark.parametrize("guides", [[], OPPOSED], ids=["automatic", "opposed"])
def test_both_copies_cover_the_water_where_flows_part_or_meet(make, guides):
    made = make(guides)
    seen = replace(made, still=runs.observed_only(made.still))
    shots = images_of(seen, range(2, FRAMES, 8))
    assert min(shot.alpha.min() for shot in shots.values()) > 0.5


def test_forward_copies_alone_leave_holes(make):
    """Why there are backward copies; it also shows that the test would see holes."""
    made = make([BENT])
    both = loop.moved_cloud(made.moving, 0.95)
    forward = replace(both, weight=np.where(both.backward, 0, 1).astype(np.float32))
    holes = []
    for moving in (both, forward):
        clouds = [runs.cloud_of(runs.observed_only(made.still)), moving]
        alpha = runs.draw(clouds, np.eye(4), made.plan.camera)[0].alpha
        holes.append((alpha < 0.5).sum())
    assert holes[0] == 0 and holes[1] > 8


@pytest.mark.parametrize("guides", [[], [BENT]], ids=["automatic", "bent"])
def test_nothing_inpainted_shows_through_running_water(make, guides):
    """Neither where it continues from layer to layer nor where its points draw apart."""
    for shot in images_of(make(guides), range(2, FRAMES, 8)).values():
        red = shot.image[..., 0] - shot.image[..., 1:].max(axis=-1)
        assert red.max() < 0.05


def test_water_runs_toward_the_viewer_along_its_guide_from_layer_to_layer(make):
    made = make([BENT])
    water = (made.moving.position[:, 1] > 0) & (made.moving.observed > 0.5)
    far = water & (made.moving.layer == 1)
    ends = made.moving.position + made.moving.forward[-1]
    assert (ends[water, 2] < made.moving.position[water, 2]).mean() > 0.95
    assert ends[far, 2].min() < made.moving.position[far, 2].min()


def test_everything_moving_except_clouds_lies_over_a_still_bed(make):
    made = make([BENT])
    still = made.still
    places = zip(still.pixel, still.position[:, 2].round(3), still.observed, strict=True)
    colors = dict(zip(places, still.color[:, 0], strict=True))
    moving = made.moving
    for p in np.flatnonzero(moving.observed > 0.5)[::7]:
        below = (moving.pixel[p], (moving.position[p, 2] * np.float32(1.04)).round(3), 0)
        is_cloud = moving.position[p, 2] == FARTHEST
        assert colors.get(below) == (None if is_cloud else moving.color[p, 0])


def test_points_behind_running_water_stand_still_and_those_behind_the_post_move(make):
    made = make([BENT])
    inpainted = made.moving.position[made.moving.observed < 0.5]
    column, row = project(inpainted, made.plan.outpainted_camera).astype(int).T
    behind_post = np.zeros(OUTPAINTED, bool)
    behind_post[POST] = True
    assert behind_post[row, column].sum() > 50 and not river_of_the_photo()[row, column].any()


def test_the_front_depth_is_the_nearest_observed_one(rng):
    depth = rng.uniform(1, 9, (3, 7, 8)).astype(np.float32)
    observed = rng.random((3, 7, 8)) < 0.3
    got = lift.front_depth({"depth": depth, "observed": observed})
    for r in range(7):
        for c in range(8):
            seen = [depth[i, r, c] for i in range(3) if observed[i, r, c]]
            assert got[r, c] == (min(seen) if seen else depth[2, r, c])
