"""Flowing water: a flat mesh whose shader adds waves to its normals, and foam.

Waves and foam move with the value of the nodes TIME only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .materials import Air, material
from .meshes import WATER, Shape, grid_faces, place
from .nodes import Tree, Value, rgb


@dataclass(frozen=True)
class Waves:
    """The appearance and motion of water. Colors are sRGB hex codes.

    Attributes:
        deep: Color of the troughs.
        shallow: Color of the crests.
        length: Length of a wave in meters.
        height: Height of a wave in meters.
        stretch: Length of the crests relative to the waves' length.
        drift: Motion in meters per frame.
        change: Rate at which the waves' shape changes, in periods per frame.
        foam: Fraction of the crests that are white.
        glow: Strength of the light from below the surface.
    """

    deep: str = "0d2a33"
    shallow: str = "2b5a58"
    length: float = 2.0
    height: float = 0.12
    stretch: float = 2.5
    drift: tuple[float, float] = (0.05, -0.03)
    change: float = 0.02
    foam: float = 0.0
    glow: float = 0.5


def surface(air: Air, waves: Waves) -> Any:
    """Return the water's material."""

    def shader(tree: Tree) -> Any:
        at, height = _moving(tree, waves)
        color = tree.mix(tree.step(height, 0.35, 0.75), rgb(waves.deep), rgb(waves.shallow))
        inputs = {"Base Color": color, "Roughness": 0.06, "IOR": 1.33, "Specular IOR Level": 0.5}
        inputs["Normal"] = tree.bump(height, waves.height, _calmer_far(tree, waves.length))
        water = tree.add("BsdfPrincipled", inputs)
        body = tree.add("Emission", {0: color, 1: waves.glow})  # light from below the surface
        water = tree.add("AddShader", {0: water, 1: body})
        if not waves.foam:
            return water
        broken = tree.noise(at, 3.0 / waves.length, 6.0, 0.7)
        crest = tree.math("ADD", height, tree.math("MULTIPLY_ADD", broken, 0.5, -0.25))
        white = tree.step(crest, 0.75 - waves.foam, 0.85 - waves.foam)
        return tree.add(
            "MixShader", {0: white, 1: water, 2: tree.add("BsdfDiffuse", {0: rgb("dfe6e8")})}
        )

    return material("water", air, shader)


def _moving(tree: Tree, waves: Waves) -> tuple[Any, Any]:
    """Add coordinates that drift with the water, and the waves' height 0..1."""
    time = tree.time()
    moved = tree.vector("SCALE", (*waves.drift, 0.0), time)
    at = tree.vector("SUBTRACT", tree.position(), moved)
    crests = tree.vector("MULTIPLY", at, (1 / waves.stretch, 1.0, 1.0))
    change = tree.math("MULTIPLY", time, waves.change)
    return at, tree.noise(crests, 1 / waves.length, 5.0, 0.55, W=change, Distortion=0.4)


def _calmer_far(tree: Tree, length: float) -> Value:
    """Add the strength of the waves, which decreases where several fall into one pixel."""
    far = tree.add("CameraData", {}, "View Distance")
    return tree.math("POWER", tree.math("ADD", tree.math("DIVIDE", far, 60.0 * length), 1.0), -0.6)


def sheet(material: Any, near: float, far: float, level: float = 0.0, side: float = 1.2) -> Any:
    """Add a flat sheet from `near` to `far` meters away, `side` times its distance to each side."""
    rows = np.geomspace(near, far, 24)
    across = np.linspace(-side, side, 24)
    points = np.stack(
        [rows[:, None] * across, rows[:, None] + 0 * across, 0 * rows[:, None] * across], -1
    )
    points[..., 2] = level
    shape = Shape()
    shape.add(points.reshape(-1, 3), grid_faces(*points.shape[:2]))
    return place(shape.mesh("water", [material]), index=WATER)
