"""The camera that is fitted to a map of latitudes."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.ml.scene.camera_fit import fit_camera, latitudes


def map_of(height, width, focal, pitch, roll):
    """The latitudes (height / 2, width / 2) that a camera sees; focal: in pixels."""
    x, y = np.meshgrid(np.arange(1, width, 2) - 0.5 * width, np.arange(1, height, 2) - 0.5 * height)
    return latitudes(x, y, focal, pitch, roll).astype(np.float32)


def horizon_of(height, focal, pitch, roll):
    return height / 2 + focal * np.tan(pitch) / np.cos(roll)


def test_latitudes_are_angles_above_the_horizontal():
    assert latitudes(0.0, 0.0, 1.0, 0.3, 0.1) == pytest.approx(0.3)
    assert latitudes(0.0, -1.0, 1.0, 0.0, 0.0) == pytest.approx(np.pi / 4)
    assert latitudes(5.0, 0.0, 1.0, 0.0, 0.0) == pytest.approx(0.0)
    # The horizon of a picture that is turned clockwise is lower at the right.
    assert latitudes(1.0, np.tan(0.2), 1.0, 0.0, 0.2) == pytest.approx(0.0)


@pytest.mark.parametrize("shape", [(340, 512), (512, 340), (288, 512)])
@pytest.mark.parametrize("pitch", [-0.5, -0.1, 0.0, 0.2])
@pytest.mark.parametrize("roll", [-0.08, 0.0, 0.05])
def test_a_usual_camera_is_found(shape, pitch, roll):
    for focal in (0.7 * max(shape), 1.1 * max(shape)):
        fit = fit_camera(map_of(*shape, focal, pitch, roll), *shape)
        assert fit.focal == pytest.approx(focal, rel=0.05)
        assert fit.pitch == pytest.approx(pitch, abs=0.02)
        assert fit.roll == pytest.approx(roll, abs=0.012)
        assert fit.horizon == pytest.approx(
            horizon_of(shape[0], focal, pitch, roll), abs=0.02 * shape[0]
        )


def test_a_part_of_the_map_may_be_wrong(rng):
    shape, focal = (340, 512), 450.0
    latitude = map_of(*shape, focal, -0.2, 0.04)
    latitude += rng.normal(0, 0.02, latitude.shape).astype(np.float32)
    latitude[:40] += 0.4
    fit = fit_camera(latitude, *shape)
    assert fit.focal == pytest.approx(focal, rel=0.1)
    assert fit.horizon == pytest.approx(horizon_of(340, focal, -0.2, 0.04), abs=10)


def test_a_map_without_sense_gives_a_usual_camera(rng):
    noise = rng.normal(0, 0.5, (170, 256)).astype(np.float32)
    fit = fit_camera(noise, 340, 512)
    assert 250 < fit.focal < 1000 and abs(fit.roll) < 0.1 and np.isfinite(fit.horizon)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2)])
@pytest.mark.parametrize("value", [-1.6, 0.0, 1.6])
def test_odd_maps_are_handled(shape, value):
    fit = fit_camera(np.full((16, 16), value, np.float32), *shape)
    assert np.isfinite([fit.focal, fit.pitch, fit.roll, fit.horizon]).all()
    assert fit.focal > 0
