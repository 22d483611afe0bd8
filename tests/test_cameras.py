"""Where the photo's focal length comes from: its file, the artist, an estimate, or habit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from make_4d.ml.stages.cameras import USUAL_FIELD_OF_VIEW, cameras

FOCAL_OF_60_DEGREES = 40 / math.tan(math.radians(30))


def focal(focal_35mm, field_of_view, estimated):
    inputs = {
        "image": np.zeros((60, 80, 3), np.float32),
        "focal_35mm": np.array([focal_35mm], np.float32),
        "depth_focal": np.array([estimated], np.float32),
        "margins": np.array([8, 8, 8, 8]),
    }
    photo, outpainted = cameras(inputs, field_of_view)
    assert outpainted.focal == photo.focal
    assert (outpainted.width, outpainted.height) == (96, 76)
    return photo.focal


@pytest.mark.parametrize(
    ("focal_35mm", "degrees", "estimated", "expected"),
    [
        (36.0, 60.0, 100.0, 80.0),
        (0.0, 60.0, 100.0, FOCAL_OF_60_DEGREES),
        (0.0, 0.0, 100.0, 100.0),
        (0.0, 0.0, 0.0, 40 / math.tan(USUAL_FIELD_OF_VIEW / 2)),
    ],
)
def test_the_best_known_lens_counts(focal_35mm, degrees, estimated, expected):
    assert focal(focal_35mm, math.radians(degrees), estimated) == pytest.approx(expected)
