"""The motion stage with the artist's edits, and the lifetimes of moving points."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core import flow
from make_4d.geometry.core.camera import pixel_centers
from make_4d.geometry.core.editable_images import MOTION_FILE
from make_4d.geometry.core.motion_edits import MotionEdits, save_edits
from make_4d.geometry.core.scene_data import KEY_TIMES
from make_4d.ml.classical.regions import MotionRegions, edited_regions, regions_of
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from make_4d.ml.stages import lift, motion

HEIGHT, WIDTH = 60, 80
LAKE = slice(40, 60)


@pytest.fixture
def inputs(rng):
    """Two layers: ground with a hole behind a post, and the post; sky in the upper half."""
    outpainted = rng.uniform(0.3, 0.6, (HEIGHT, WIDTH, 3)).astype(np.float32)
    sky = np.zeros((HEIGHT, WIDTH), np.float32)
    sky[:24] = 1
    post = np.zeros((HEIGHT, WIDTH), bool)
    post[30:56, 36:44] = True
    return {
        "image": outpainted[8:-8, 8:-8],
        "margins": np.array([8, 8, 8, 8]),
        "focal_35mm": np.array([28.0], np.float32),
        "depth_focal": np.zeros(1, np.float32),
        "outpainted": outpainted,
        "disparity": np.where(sky > 0, 0, 0.5).astype(np.float32),
        "sky": sky,
        "water": np.zeros_like(sky),
        "falls": np.zeros_like(sky),
        "horizon": np.array([26.0], np.float32),
        "color": np.stack([outpainted, outpainted]),
        "depth": np.full((2, HEIGHT, WIDTH), 2.0, np.float32),
        "member": np.stack([post, np.ones_like(post)]),
        "observed": np.stack([post, ~post]),
        "layer_sky": np.stack([sky, sky]),
        "layer_water": np.zeros((2, HEIGHT, WIDTH), np.float32),
        "layer_falls": np.zeros((2, HEIGHT, WIDTH), np.float32),
    }


def run(inputs, tmp_path, edits=None, **settings):
    if edits is not None:
        save_edits(edits, tmp_path / MOTION_FILE)
    folder = str(tmp_path) if edits is not None else ""
    job = JobSettings("photo.png", edits=folder, **settings)
    return motion.run(inputs, job, quiet())


def quiet():
    from make_4d.ml.stages.context import StageContext

    return StageContext(lambda *_: None, lambda: False)


def region(rows=LAKE, value=1.0):
    regions = np.zeros((HEIGHT, WIDTH), np.float32)
    regions[rows] = value
    return regions


def speed(made, layer=1):
    return np.linalg.norm(made["flow"][layer], axis=-1)


def test_only_edited_regions_move(inputs, tmp_path):
    made = run(inputs, tmp_path, MotionEdits(region()))
    assert (speed(made, 0)[:40] == 0).all() and (speed(made, 0)[44:] > 0).mean() > 0.9
    np.testing.assert_array_equal(made["regions"], region())


def test_water_continues_behind_an_object_in_it(inputs, tmp_path):
    moves = region()
    moves[:56, 36:44] = 0
    made = run(inputs, tmp_path, MotionEdits(moves))
    behind = np.s_[46:54, 38:42]
    assert (speed(made, 1)[behind] > 0).all() and (speed(made, 0)[behind] == 0).all()


@pytest.mark.parametrize("is_painted", [True, False])
def test_water_continues_from_layer_to_layer(inputs, tmp_path, is_painted):
    """The far layer's inpainted part isn't detected as water, but belongs to the same lake."""
    near = np.zeros((HEIGHT, WIDTH), bool)
    near[50:] = True
    layers = {"member": np.stack([near, ~near | near]), "observed": np.stack([near, ~near])}
    lake = {"sky": region(value=0.0), "water": region()}
    made = run(inputs | layers | lake, tmp_path, MotionEdits(region()) if is_painted else None)
    assert (speed(made, 0)[46:] > 0).all()
    np.testing.assert_array_equal(made["flow"][1], made["flow"][0])


def test_water_in_front_of_a_dry_layer_does_not_move_it(inputs, tmp_path):
    near = np.zeros((HEIGHT, WIDTH), bool)
    near[LAKE] = True
    layers = {"member": np.stack([near, ~near | near]), "observed": np.stack([near, ~near])}
    lake = {"sky": region(value=0.0), "layer_sky": inputs["layer_water"], "water": region()}
    made = run(inputs | layers | lake, tmp_path)
    assert (speed(made, 0)[46:] > 0).all() and not made["flow"][1].any()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_edited_regions_may_be_empty_or_full(inputs, tmp_path, value):
    made = run(inputs, tmp_path, MotionEdits(region(slice(None), value)))
    assert np.isfinite(made["flow"]).all()
    assert (speed(made) > 0).mean() > 0.7 if value else not made["flow"].any()


def test_a_single_edited_pixel_is_harmless(inputs, tmp_path):
    moves = region(value=0.0)
    moves[50, 40] = 1
    assert np.isfinite(run(inputs, tmp_path, MotionEdits(moves))["flow"]).all()


def test_edited_regions_at_another_size_are_resized(inputs, tmp_path):
    small = MotionEdits(region()[::2, ::2])
    made = run(inputs, tmp_path, small)
    assert made["regions"].shape == (HEIGHT, WIDTH)
    assert (speed(made)[46:] > 0).mean() > 0.9


def test_a_guide_turns_the_detected_motion(inputs, tmp_path):
    edits = MotionEdits(region(), (np.array([[70, 50, 1], [10, 50, 1]], np.float32),))
    assert (run(inputs, tmp_path, edits)["flow"][1][48:52, 20:60, 0] < 0).all()
    assert (run(inputs, tmp_path, MotionEdits(region()))["flow"][1][48:52, 20:60, 0] > 0).all()


def test_damaged_edits_are_reported(inputs, tmp_path):
    (tmp_path / MOTION_FILE).write_bytes(b"torn")
    with pytest.raises(SettingsError) as caught:
        motion.run(inputs, JobSettings("photo.png", edits=str(tmp_path)), quiet())
    assert caught.value.message.template == motion.UNREADABLE_EDITS


def test_water_that_only_a_hidden_layer_has_moves_there(inputs, tmp_path):
    """Behind the post, which stands still."""
    behind = inputs["layer_water"].copy()
    behind[1, LAKE] = 1
    made = run(inputs | {"layer_water": behind}, tmp_path)
    assert (speed(made, 1)[46:54, 38:42] > 0).all() and not speed(made, 0)[46:54, 38:42].any()


def test_what_moves_where_masks_overlap():
    """An edited sky hides the water that was found there, and falls are no still water."""
    moves = regions_of(region(slice(0, 20)), region(slice(10, 60)), region(slice(30, 40), 0.6))
    assert (moves.cloud[:20] == 1).all() and not moves.water[:20].any()
    assert (moves.water[20:30] == 1).all()
    np.testing.assert_allclose(moves.water[30:40], 0.4)
    np.testing.assert_allclose(moves.fall[30:40], 0.6)


def test_kinds_of_edited_regions():
    """Clouds in the sky, falls where detected or above the horizon, else water."""
    none = np.zeros((HEIGHT, WIDTH), np.float32)
    fall = none.copy()
    fall[30:40, :20] = 1
    sky = none.copy()
    sky[:10] = 1
    made = edited_regions(np.ones_like(none), MotionRegions(none, none, fall), sky, 26.0)
    assert (made.cloud[:10] == 1).all() and not made.cloud[10:].any()
    assert (made.fall[12:25] == 1).all() and (made.fall[30:40, :20] == 1).all()
    assert (made.water[45:] == 1).all() and not made.fall[45:].any()
    np.testing.assert_allclose(made.cloud + made.water + made.fall, 1.0)


def test_lifetimes_are_the_phases_inside_the_photo(rng):
    """Against plain loops over the key times, for a flow that carries points over the border."""
    field = rng.normal(0, 0.4, (20, 30, 2)).astype(np.float32)
    pixels = pixel_centers(20, 30).reshape(-1, 2)
    keys = [24 * k / KEY_TIMES for k in range(KEY_TIMES + 1)]
    displacements = [flow.integrate(sign * field, pixels, keys) for sign in (1, -1)]
    lifetimes = lift.lifetimes(pixels, *displacements, (20, 30))
    for point in range(len(pixels)):
        ends = []
        for displacement in displacements:
            first = 2.0
            for k in range(KEY_TIMES, -1, -1):
                x, y = pixels[point] + displacement[k, point]
                if not (0 <= x <= 30 and 0 <= y <= 20):
                    first = k / KEY_TIMES
            ends.append(first)
        assert lifetimes[0, point] == np.float32(ends[0])
        assert lifetimes[1, point] == np.float32(1 - ends[1])
    assert (lifetimes[0] == 2).any() and (lifetimes[0] <= 1).any() and (lifetimes[1] == -1).any()
