"""What an artist asks of a job: one small dataclass that travels to the worker as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

MIN_SIZE, MAX_SIZE = 64, 4096
MAX_LAYERS = 8


class SettingsError(ValueError):
    """A setting that can't be used; its text is one sentence for the artist."""


@dataclass(frozen=True)
class JobSettings:
    """Settings of one job.

    photo: path of the photograph; size: longer side of the film in pixels; frames: length of the
    film; loop_frames: frames after which the motion repeats; layers: number of depth layers, 0 for
    automatic; fly: 'in' or 'out'; motion: whether clouds and water move; seed: of everything
    random; margin: outpainted border as a share of `size`; field_of_view: radians across the
    longer side where the photo does not tell its lens; layer_depth: 'aligned' (invented depth
    fitted to what was seen) or 'paper' (eq. 5).
    """

    photo: str
    size: int = 512
    frames: int = 60
    loop_frames: int = 60
    layers: int = 3
    fly: str = "in"
    motion: bool = True
    seed: int = 0
    margin: float = 0.25
    field_of_view: float = math.radians(55.0)
    layer_depth: str = "aligned"

    def validate(self) -> None:
        """Raise SettingsError where a setting is out of its range."""
        _check(MIN_SIZE <= self.size <= MAX_SIZE, f"Size must be {MIN_SIZE} to {MAX_SIZE} pixels")
        _check(1 <= self.frames <= 100_000, "Frames must be 1 to 100000")
        _check(2 <= self.loop_frames <= 100_000, "The loop needs 2 to 100000 frames")
        _check(0 <= self.layers <= MAX_LAYERS, f"Layers must be 0 (automatic) to {MAX_LAYERS}")
        _check(self.fly in ("in", "out"), "Fly must be 'in' or 'out'")
        _check(0.0 <= self.margin <= 1.0, "The margin must be 0 to 1 of the size")
        _check(0.1 <= self.field_of_view <= 2.6, "The field of view must be 6 to 150 degrees")
        _check(self.layer_depth in ("aligned", "paper"), "Layer depth must be aligned or paper")
        _check(0 <= self.seed < 2**31, "The seed must be 0 to 2147483647")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> JobSettings:
        """The inverse of `to_json`; unknown keys are refused with a TypeError."""
        return cls(**record)

    def subset(self, names: tuple[str, ...]) -> dict[str, Any]:
        """The named settings alone, for a stage's cache key."""
        known = {field.name for field in fields(self)}
        assert known.issuperset(names), f"unknown settings {set(names) - known}"
        return {name: getattr(self, name) for name in names}


def _check(condition: bool, sentence: str) -> None:
    if not condition:
        raise SettingsError(f"{sentence}.")
