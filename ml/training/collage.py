"""Collages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .samples import Sample


class Collages:
    """Stub."""

    def __init__(self, another: Callable[[], Sample]) -> None:
        self.another = another

    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return it."""
        return sample
