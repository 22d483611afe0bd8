"""A lens with a wide aperture: what isn't in focus is blurred."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from .samples import Sample

BLURS = (0.0, 1.0, 2.2, 4.5)
"""Standard deviations in pixels of the pictures that a blurred one is put together from."""


def defocused(sample: Sample, rng: np.random.Generator) -> Sample:
    """Return a sample as an open lens shows it, focused on something near."""
    known = np.isfinite(sample.disparity)
    if known.mean() < 0.9:
        return sample
    disparity = np.where(known, sample.disparity, 0.0)
    focus = float(np.quantile(disparity[::4, ::4], rng.uniform(0.7, 0.99)))
    if focus <= 0:
        return sample
    circle = rng.uniform(1.0, BLURS[-1]) * np.abs(disparity - focus) / focus
    circle = cv2.blur(np.minimum(circle, BLURS[-1]).astype(np.float32), (3, 3))
    sharp = sample.image.astype(np.float32)
    levels = [sharp, *(cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in BLURS[1:])]
    result = levels[0]
    for k in range(1, len(BLURS)):
        share = np.clip((circle - BLURS[k - 1]) / (BLURS[k] - BLURS[k - 1]), 0, 1)[..., None]
        result = result + share * (levels[k] - levels[k - 1])
    return replace(sample, image=np.clip(result, 0, 255).astype(np.uint8))
