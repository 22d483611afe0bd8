"""Rendered frames of the quality benchmark; importing this loads the add-on as `make_4d`."""

from __future__ import annotations

from dataclasses import dataclass

import golden

golden.load_package()

from make_4d.geometry.core.camera import FloatArray  # noqa: E402


@dataclass(frozen=True, eq=False)
class Shot:
    """A method's image of a frame (H, W, 3), sRGB 0..1, and its accumulated alpha (H, W)."""

    image: FloatArray
    alpha: FloatArray
