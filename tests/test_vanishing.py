"""Where the lines on the ground meet."""

import cv2
import numpy as np
import pytest
from make_4d.ml.classical.vanishing import vanishing_column

HORIZON = 100.0


def pier(column):
    """Return an image of planks whose edges meet at a column of the horizon, and the ground."""
    canvas = np.full((320, 480, 3), 0.55, np.float32)
    for at in range(-600, 1200, 90):
        ends = ((round(column), round(HORIZON)), (at, 320))
        cv2.line(canvas, *ends, (0.2, 0.2, 0.2), 2, cv2.LINE_AA)
    ground = np.arange(320)[:, None] > HORIZON + 10
    return canvas, np.broadcast_to(ground, (320, 480))


@pytest.mark.parametrize("column", [240.0, 120.0, 420.0])
def test_planks_meet_where_they_were_drawn_to(column):
    assert vanishing_column(*pier(column), HORIZON) == pytest.approx(column, abs=8)


def test_lines_that_meet_nowhere_tell_nothing(rng):
    canvas = np.full((320, 480, 3), 0.55, np.float32)
    for _ in range(40):
        x, y, angle = rng.uniform(0, 480), rng.uniform(130, 310), rng.uniform(0.3, 2.8)
        end = (round(x + 40 * np.cos(angle)), round(y + 40 * np.sin(angle)))
        cv2.line(canvas, (round(x), round(y)), end, (0.2, 0.2, 0.2), 2, cv2.LINE_AA)
    assert vanishing_column(canvas, np.ones((320, 480), bool), HORIZON) is None


def test_only_lines_on_the_ground_count():
    canvas, ground = pier(240.0)
    assert vanishing_column(canvas, np.zeros_like(ground), HORIZON) is None
    assert vanishing_column(np.full_like(canvas, 0.5), ground, HORIZON) is None
