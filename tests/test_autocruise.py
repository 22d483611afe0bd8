"""Autocruise matches the results of the authors' program (tests/data/autocruise_golden.*)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from make_4d.geometry.core import autocruise
from make_4d.geometry.core.autocruise import (
    CruiseSettings,
    CruiseState,
    cruise_step,
    skyline,
    world_to_camera,
)
from messages import raises_message

DATA = Path(__file__).parent / "data"
GOLDEN = json.loads((DATA / "autocruise_golden.json").read_text(encoding="utf-8"))
TOLERANCE = {"rtol": 0, "atol": 1e-5}


def disparity(name: str) -> np.ndarray:
    with np.load(DATA / "autocruise_golden.npz") as maps:
        return maps[f"disparity_{name}"]


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_skyline_matches_the_authors(name):
    expected = GOLDEN["cases"][name]["skyline"]
    np.testing.assert_allclose(skyline(disparity(name)), expected, **TOLERANCE)


@pytest.mark.parametrize("lerp", [1.0, 0.05])
@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_poses_match_the_authors(name, lerp):
    k = np.array(GOLDEN["intrinsics"])
    keys = ("speed", "horizon", "sky_fraction", "near_fraction")
    settings = CruiseSettings(**{key: GOLDEN[key] for key in keys}, lerp=lerp)
    state, view = CruiseState.start(), disparity(name)
    for expected in GOLDEN["cases"][name]["steps"][f"lerp={lerp}"]:
        state = cruise_step(state, view, k, settings)
        rotation, translation = world_to_camera(state)
        np.testing.assert_allclose(rotation, expected["world_to_camera_R"], **TOLERANCE)
        np.testing.assert_allclose(translation, expected["world_to_camera_t"], **TOLERANCE)
        np.testing.assert_allclose(state.position, expected["position"], **TOLERANCE)
        np.testing.assert_allclose(state.look, expected["look_dir"], **TOLERANCE)
        np.testing.assert_allclose(state.move, expected["move_dir"], **TOLERANCE)


def test_defaults_are_the_papers():
    assert CruiseSettings() == CruiseSettings(0.6, 0.4, 0.1, 0.25, 1.0)


def test_turns_toward_the_side_with_more_sky():
    view = np.full((8, 12), 0.8, np.float32)
    view[:, 6:] = 0.0
    assert skyline(view)[0] > 0.99
    assert skyline(view[:, ::-1])[0] < 0.01


def test_rotation_is_a_rotation():
    state = cruise_step(
        CruiseState.start(),
        disparity("mountain_left"),
        np.diag([90.0, 90.0, 1.0]),
        CruiseSettings(),
    )
    rotation, translation = world_to_camera(state)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rotation @ state.position + translation, 0, atol=1e-12)


def test_narrow_map_is_refused():
    with raises_message(ValueError, autocruise.TOO_NARROW):
        skyline(np.zeros((4, 1), np.float32))
