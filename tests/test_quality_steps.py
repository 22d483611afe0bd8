"""Per-frame generation in the quality benchmark: each image is made from the last one."""

from __future__ import annotations

from typing import Any

import numpy as np
from _quality_shot import Shot
from _quality_steps import State, StepByStep

SHAPE = (24, 32)


def make_steps(alpha: Any, poses: int = 4) -> tuple[StepByStep, list[Any]]:
    """Steps whose images get a little darker each time, and the list of what was drawn."""
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
    estimate = lambda image: np.full(SHAPE, 0.3, np.float32)  # noqa: E731
    return StepByStep(start, path, draw, estimate, 12.0), calls


def test_every_image_is_made_from_the_one_before() -> None:
    steps, calls = make_steps(np.ones(SHAPE, np.float32))
    last = steps.image(3)
    assert len(calls) == 3
    np.testing.assert_allclose(last, calls[0][0] * 0.9**3, rtol=1e-6)
    np.testing.assert_allclose(calls[2][1], 1.0)  # 4 / 2 / 2
    for _, _, step in calls:
        np.testing.assert_allclose(step[2, 3], -0.1)  # one step, not the path from the start
    assert steps.image(3) is last and len(calls) == 3


def test_holes_are_inpainted_with_a_depth_within_the_observed_range() -> None:
    alpha = np.ones(SHAPE, np.float32)
    alpha[:, -6:] = 0.0
    steps, calls = make_steps(alpha)
    image = steps.image(1)
    np.testing.assert_allclose(image[:, :-6], calls[0][0][:, :-6] * 0.9, rtol=1e-6)
    assert np.isfinite(image).all() and image[:, -6:].std() > 0.01
    steps.image(2)
    np.testing.assert_allclose(calls[1][1][:, :-6], 2.0)
    assert (calls[1][1] >= 1.0 - 1e-5).all() and (calls[1][1] <= 2.0 + 1e-5).all()
