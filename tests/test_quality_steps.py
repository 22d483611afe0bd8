"""Per-frame generation in the quality benchmark: each picture leads to the next one."""

from __future__ import annotations

from typing import Any

import numpy as np
from _quality_shot import Shot
from _quality_steps import State, StepByStep

SHAPE = (24, 32)


def flown(alpha: Any, poses: int = 4) -> tuple[StepByStep, list[Any]]:
    """A flight whose pictures get a little darker each step, and what was drawn."""
    calls: list[Any] = []

    def draw(image: Any, depth: Any, pose: Any) -> tuple[Shot, Any]:
        calls.append((image.copy(), depth.copy(), pose.copy()))
        return Shot(image * 0.9, alpha), depth * 0.5

    path = [np.eye(4) for _ in range(poses)]
    for number, pose in enumerate(path):
        pose[2, 3] = -0.1 * number
    rng = np.random.default_rng(3)
    image = rng.uniform(0.2, 0.9, (*SHAPE, 3)).astype(np.float32)
    start = State(image, np.full(SHAPE, 4.0, np.float32), path[0])
    estimate = lambda picture, horizon: np.full(SHAPE, 0.3, np.float32)  # noqa: E731
    return StepByStep(start, path, draw, estimate, 12.0), calls


def test_every_picture_is_made_from_the_one_before() -> None:
    steps, calls = flown(np.ones(SHAPE, np.float32))
    last = steps.picture(3)
    assert len(calls) == 3
    np.testing.assert_allclose(last, calls[0][0] * 0.9**3, rtol=1e-6)
    np.testing.assert_allclose(calls[2][1], 1.0)  # 4 / 2 / 2
    for _, _, step in calls:
        np.testing.assert_allclose(step[2, 3], -0.1)  # a step, not the way from the start
    assert steps.picture(3) is last and len(calls) == 3


def test_what_is_missing_is_invented_with_a_depth_between_what_is_seen() -> None:
    alpha = np.ones(SHAPE, np.float32)
    alpha[:, -6:] = 0.0
    steps, calls = flown(alpha)
    picture = steps.picture(1)
    np.testing.assert_allclose(picture[:, :-6], calls[0][0][:, :-6] * 0.9, rtol=1e-6)
    assert np.isfinite(picture).all() and picture[:, -6:].std() > 0.01
    steps.picture(2)
    np.testing.assert_allclose(calls[1][1][:, :-6], 2.0)
    assert (calls[1][1] >= 1.0 - 1e-5).all() and (calls[1][1] <= 2.0 + 1e-5).all()
