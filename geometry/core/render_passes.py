"""The render passes, each declared once in `PASSES`.

The engine, the shaders, the numpy renderer, the view layer's properties, the *Passes* panel and the
compositor set-up all read this table: to add a pass, add a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PROPERTY_GROUP = "make_4d_passes"
"""Property of a view layer that holds the switches of the passes that only this engine has."""
VIEW_DEPTH = "view_depth"
"""Source: distance along the view axis in scene units."""
WORLD_POSITION = "world_position"
"""Source: position in world space in scene units."""
SCREEN_MOTION = "screen_motion"
"""Source: motion vector in pixels, see `render/motion_vectors.py`. It needs the frames before and
after the rendered one."""
DERIVED = (VIEW_DEPTH, WORLD_POSITION, SCREEN_MOTION)
"""Sources that the renderer computes. Any other source is the name of a point attribute."""


class Blend(StrEnum):
    """How the values of a pixel's points become the pixel's value."""

    COLOR = "color"
    """Colors composited front to back, over the background."""
    MEAN = "mean"
    """Mean of the points, weighted as their colors are."""
    HEAVIEST = "heaviest"
    """Value of the point with the largest weight, rounded to an integer. *Sorted* keeps no single
    points and rounds their mean."""


@dataclass(frozen=True)
class RenderPass:
    """A row of `PASSES`.

    Attributes:
        name: the pass's name in Blender's render result, the compositor and EXR files.
        channels: one letter per channel, for example "XYZ".
        kind: Blender's type of the values: "VALUE", "VECTOR" or "COLOR".
        source: a point attribute, or an item of `DERIVED`.
        blend: how points combine in a pixel.
        label: name in the interface.
        description: tooltip; empty if Blender has a property with its own tooltip.
        builtin_switch: Blender's property of a view layer that enables the pass; empty for a
            property of this engine.
        inverted: whether the pass is 1 - source.
        empty: value where nothing is drawn.
    """

    name: str
    channels: str
    kind: str
    source: str
    blend: Blend
    label: str
    description: str = ""
    builtin_switch: str = ""
    inverted: bool = False
    empty: float = 0.0

    @property
    def width(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def own_property(self) -> str:
        """Name of the switch in the group `PROPERTY_GROUP`; empty if the pass needs none."""
        always_on = self.blend is Blend.COLOR
        return "" if always_on or self.builtin_switch else self.name.lower()

    def switch(self, layer: Any) -> tuple[Any, str] | None:
        """The owner and name of the property of a view layer that enables the pass.

        None for Combined, which is always rendered.
        """
        if self.builtin_switch:
            return layer, self.builtin_switch
        return (getattr(layer, PROPERTY_GROUP), self.own_property) if self.own_property else None

    def is_enabled(self, layer: Any) -> bool:
        """Whether a view layer renders the pass."""
        switch = self.switch(layer)
        return switch is None or bool(getattr(*switch))

    def enable(self, layer: Any) -> None:
        """Let a view layer render the pass."""
        switch = self.switch(layer)
        if switch is not None:
            setattr(*switch, True)


COMBINED = RenderPass(
    name="Combined",
    channels="RGBA",
    kind="COLOR",
    source="color",
    blend=Blend.COLOR,
    label="Combined",
)
DEPTH = RenderPass(
    name="Depth",
    channels="Z",
    kind="VALUE",
    source=VIEW_DEPTH,
    blend=Blend.MEAN,
    label="Depth",
    builtin_switch="use_pass_z",
    empty=1e10,  # as in Blender's own engines
)
PASSES = (
    COMBINED,
    DEPTH,
    RenderPass(
        name="Position",
        channels="XYZ",
        kind="VECTOR",
        source=WORLD_POSITION,
        blend=Blend.MEAN,
        label="Position",
        builtin_switch="use_pass_position",
    ),
    RenderPass(
        name="Vector",
        channels="XYZW",
        kind="VECTOR",
        source=SCREEN_MOTION,
        blend=Blend.MEAN,
        label="Vector",
        builtin_switch="use_pass_vector",
    ),
    RenderPass(
        name="Disocclusion",
        channels="X",
        kind="VALUE",
        source="observed",
        blend=Blend.MEAN,
        inverted=True,
        label="Disocclusion",
        description="Inpainted fraction of each pixel, from 0 (seen in the photo) to 1",
    ),
    RenderPass(
        name="Layer",
        channels="X",
        kind="VALUE",
        source="layer",
        blend=Blend.HEAVIEST,
        label="Layer",
        description="Index of the photo's layer that contributes most to each pixel. 0 is the "
        "nearest, -1 is empty",
        empty=-1.0,
    ),
)


def enabled_passes(layer: Any) -> tuple[RenderPass, ...]:
    """The passes that a view layer renders, Combined first."""
    return tuple(each for each in PASSES if each.is_enabled(layer))
