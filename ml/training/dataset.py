"""Batches of samples out of folders that may grow while training goes on.

A batch depends only on the seed, the step and the files that are there, so a training that is
resumed goes on as it would have.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .augment import augment
from .collage import Collages
from .samples import Sample, load, random_crop, with_image

HELD_OUT = 50
"""One world in so many is held out, to validate on."""
TRIES = 20
PORTRAIT = 0.25
"""Share of batches that are higher than wide."""
VIEW = re.compile(r"-\d+$")
"""The end of a file's name that tells views of one world apart."""


def is_held_out(path: Path) -> bool:
    """Return whether a file is for validation: all views of a world are, or none."""
    world = VIEW.sub("", path.stem)
    return int(hashlib.md5(world.encode()).hexdigest(), 16) % HELD_OUT == 0


class Folders:
    """The files of several folders, of which some are held out.

    Args:
        weights: How often a sample is taken from each folder, relative to the others. Folders that
            are missing or empty are skipped until they have files.
    """

    def __init__(self, weights: dict[Path, float]) -> None:
        self.weights = weights
        self.training: dict[Path, list[Path]] = {}
        self.held_out: dict[Path, list[Path]] = {}
        self.scan()

    def scan(self) -> None:
        """Read the folders again."""
        for folder in self.weights:
            files = sorted(folder.glob("*.npz"))
            self.training[folder] = [path for path in files if not is_held_out(path)]
            self.held_out[folder] = [path for path in files if is_held_out(path)]

    def count(self) -> int:
        """Return the number of files to train on."""
        return sum(len(files) for files in self.training.values())

    def draw(self, rng: np.random.Generator) -> Sample:
        """Return a random sample to train on.

        Raises:
            ValueError: if there are no files, or many unreadable ones.
        """
        filled = [folder for folder, files in self.training.items() if files]
        if not filled:
            raise ValueError("there are no samples in " + ", ".join(map(str, self.weights)))
        shares = np.array([self.weights[folder] for folder in filled])
        for _ in range(TRIES):  # a file may be half written
            folder = filled[rng.choice(len(filled), p=shares / shares.sum())]
            path = self.training[folder][rng.integers(len(self.training[folder]))]
            try:
                return load(path)
            except (OSError, ValueError, EOFError):
                continue
        raise ValueError(f"can't read the samples, such as {path}")


class Batches:
    """Training batches: random crops, made into collages and augmented.

    Args:
        folders: Where the samples are.
        size: Height and width of a landscape crop; some batches are portrait instead.
        count: Samples in a batch.
        seed: Of everything random.
    """

    def __init__(self, folders: Folders, size: tuple[int, int], count: int, seed: int) -> None:
        self.folders, self.size, self.count, self.seed = folders, size, count, seed

    def batch(self, step: int) -> list[Sample]:
        """Return the samples of a step."""
        rng = np.random.default_rng((self.seed, step))
        size = self.size[::-1] if rng.random() < PORTRAIT else self.size

        def another() -> Sample:
            return random_crop(self.folders.draw(rng), size, rng)

        collages = Collages(another)
        return [self.finished(another(), collages.apply, rng) for _ in range(self.count)]

    def finished(
        self,
        sample: Sample,
        collage: Callable[[Sample, np.random.Generator], Sample],
        rng: np.random.Generator,
    ) -> Sample:
        """Return a crop as it is trained on."""
        changed = collage(sample, rng)
        return with_image(changed, augment(changed.image, rng))
