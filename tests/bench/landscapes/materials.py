"""What things are made of: shaders by noise, each seen through the scene's haze.

Haze is no volume, which would be slow and noisy: the share 1 - exp(-distance / reach) of what a
surface sends is replaced by the color of the air.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .nodes import Tree, Value, rgb


@dataclass(frozen=True)
class Air:
    """Haze: its sRGB color, and the distance in meters at which it covers 63 %.

    depth: height in meters at which a layer of fog has thinned to 37 %; 0 for haze of one density.
    """

    color: str = "b9c9da"
    reach: float = 3000.0
    depth: float = 0.0


def material(name: str, air: Air, surface: Callable[[Tree], Any]) -> Any:
    """A material whose surface shader is what `surface` adds to its tree, behind the haze."""
    made = import_module("bpy").data.materials.new(name)
    made.cycles.emission_sampling = "NONE"  # haze lights nothing
    tree = Tree(made.node_tree)
    shader = surface(tree)
    far = tree.add("CameraData", {}, "View Distance")
    if air.depth:
        height = tree.math("MAXIMUM", tree.part(tree.position(), 2), 0.0)
        thin = tree.math("EXPONENT", tree.math("MULTIPLY", height, -1 / air.depth))
        far = tree.math("MULTIPLY", far, thin)
    clear = tree.math("EXPONENT", tree.math("MULTIPLY", far, -1 / air.reach))
    haze = tree.add("Emission", {0: rgb(air.color), 1: 1.0})
    mixed = tree.add("MixShader", {0: clear, 1: haze, 2: shader})
    tree.add("OutputMaterial", {0: mixed})
    return made


def matt(
    tree: Tree, color: Value, normal: Value = None, rough: float = 0.9, gloss: float = 0.0
) -> Any:
    """A matt surface, or one that shines a little; gloss: its specular level."""
    if not gloss:
        return tree.add("BsdfDiffuse", {0: color} | ({} if normal is None else {2: normal}))
    inputs = {"Base Color": color, "Roughness": rough, "Specular IOR Level": gloss}
    if normal is not None:
        inputs["Normal"] = normal
    return tree.add("BsdfPrincipled", inputs)


def mottled(
    tree: Tree, at: Value, colors: tuple[str, ...], scale: float, rough: float = 0.6
) -> Any:
    """Colors that change into each other by noise, evenly shared."""
    value = tree.step(tree.noise(at, scale, 4.0, rough), 0.28, 0.72)
    places = [n / max(1, len(colors) - 1) for n in range(len(colors))]
    return tree.ramp(value, *zip(places, map(rgb, colors), strict=True))


def land(
    air: Air,
    ground: tuple[str, ...],
    rock: tuple[str, ...] = ("6d655c", "8d867c", "4f4a45"),
    steep: tuple[float, float] = (0.62, 0.82),
    snow_line: float | None = None,
    scale: float = 0.5,
    roughness: float = 0.08,
) -> Any:
    """Ground by its slope: grass, sand or snow where flat, rock where steep, snow high up.

    steep: the normal's upward parts at which it is all rock and no rock; snow_line: meters;
    scale: waves of the ground's color a meter; roughness: height of its bumps in meters.
    """

    def surface(tree: Tree) -> Any:
        at = tree.position()
        up = tree.part(tree.add("NewGeometry", {}, "Normal"), 2)
        broken = tree.noise(at, scale * 0.2, 4.0, 0.65)
        fine, coarse = mottled(tree, at, ground, scale), mottled(tree, at, ground, scale * 0.045)
        color = tree.mix(0.5, fine, coarse)
        edge = tree.math("MULTIPLY_ADD", tree.math("SUBTRACT", broken, 0.5), 0.3, up)
        stretched = tree.vector("MULTIPLY", at, (1.0, 1.0, 3.0))
        bare = mottled(tree, stretched, rock, scale * 0.1, 0.72)
        color = tree.mix(tree.step(edge, *steep), bare, color)
        if snow_line is not None:
            color = _snowed(tree, color, at, up, broken, snow_line)
        height = tree.noise(at, scale * 6, 2.0, 0.7)
        return matt(tree, color, tree.bump(height, roughness))

    return material("land", air, surface)


def _snowed(tree: Tree, color: Value, at: Value, up: Value, broken: Value, line: float) -> Any:
    """A color, white above a height where it is not too steep."""
    height = tree.math(
        "MULTIPLY_ADD", tree.math("SUBTRACT", broken, 0.5), line * 0.9, tree.part(at, 2)
    )
    high = tree.step(height, line * 0.92, line * 1.12)
    flat = tree.step(tree.math("MULTIPLY_ADD", broken, 0.35, up), 0.72, 0.92)
    return tree.mix(tree.math("MULTIPLY", high, flat), color, rgb("eef2f7"))


def rock(air: Air, colors: tuple[str, ...], scale: float = 1.2, moss: str = "") -> Any:
    """Boulders and cliffs, with moss or snow of a color on what faces up."""

    def surface(tree: Tree) -> Any:
        at = tree.position()
        color = mottled(tree, tree.vector("MULTIPLY", at, (1.0, 1.0, 2.5)), colors, scale, 0.7)
        height = tree.noise(at, scale * 2.5, 5.0, 0.68)
        color = tree.mix(tree.step(height, 0.5, 0.3), color, rgb(colors[-1]))
        if moss:
            up = tree.part(tree.add("NewGeometry", {}, "Normal"), 2)
            covered = tree.step(tree.math("MULTIPLY_ADD", height, 0.6, up), 0.85, 1.1)
            color = tree.mix(covered, color, rgb(moss))
        return matt(tree, color, tree.bump(height, 0.12))

    return material("rock", air, surface)


def foliage(air: Air, colors: tuple[str, ...], snow: float = 0.0, sheer: float = 0.35) -> Any:
    """Leaves and needles: each its own shade, some light through them.

    Colors vary from plant to plant; snow: how much lies on what faces up; sheer: the share of
    light that goes through.
    """

    def surface(tree: Tree) -> Any:
        whole = tree.add("ObjectInfo", {}, "Random")
        leaf = tree.add("NewGeometry", {}, "Random Per Island")
        patch = tree.step(tree.noise(tree.position(), 0.12, 1.0), 0.3, 0.7)
        whole = tree.math("MULTIPLY_ADD", whole, 0.4, tree.math("MULTIPLY", patch, 0.3))
        value = tree.math("MULTIPLY_ADD", leaf, 0.3, whole)
        places = [n / max(1, len(colors) - 1) for n in range(len(colors))]
        color = tree.ramp(value, *zip(places, map(rgb, colors), strict=True))
        color = tree.multiply(color, tree.mix(leaf, (0.7, 0.7, 0.7, 1), (1.25, 1.25, 1.25, 1)))
        if snow:
            broken = tree.noise(tree.position(), 3.0, 3.0)
            color = tree.mix(tree.step(broken, 0.62 - snow, 0.72 - snow), color, rgb("e9eef5"))
        lit = matt(tree, color)
        through = tree.add("BsdfTranslucent", {0: color})
        return tree.add("MixShader", {0: sheer, 1: lit, 2: through})

    return material("foliage", air, surface)


def plain(air: Air, colors: tuple[str, ...], scale: float = 4.0, bump: float = 0.01) -> Any:
    """Bark, plaster, planks: colors by noise in the object's own coordinates."""

    def surface(tree: Tree) -> Any:
        at = tree.add("TexCoord", {}, "Object")
        grain = tree.vector("MULTIPLY", at, (1.0, 1.0, 0.35))
        height = tree.noise(grain, scale * 3, 4.0, 0.65)
        return matt(tree, mottled(tree, grain, colors, scale), tree.bump(height, bump))

    return material("plain", air, surface)


def tiles(air: Air, colors: tuple[str, ...], row: float = 0.3) -> Any:
    """Roof tiles in rows of a height in meters."""

    def surface(tree: Tree) -> Any:
        at = tree.add("TexCoord", {}, "Object")
        rows = tree.math("FRACT", tree.math("MULTIPLY", tree.part(at, 2), 1 / row))
        cell = tree.vector("MULTIPLY", at, (1 / row, 1 / row, 1 / row))
        each = tree.add("TexWhiteNoise", {0: tree.vector("FLOOR", cell, (0, 0, 0))}, 0)
        value = tree.math(
            "MULTIPLY_ADD", tree.noise(at, 0.6, 4.0), 0.6, tree.math("MULTIPLY", each, 0.4)
        )
        places = [n / max(1, len(colors) - 1) for n in range(len(colors))]
        color = tree.ramp(value, *zip(places, map(rgb, colors), strict=True))
        color = tree.multiply(color, tree.mix(rows, (0.55, 0.55, 0.55, 1), (1.1, 1.1, 1.1, 1)))
        return matt(tree, color, tree.bump(rows, 0.03), 0.8, 0.2)

    return material("tiles", air, surface)


def cobbles(air: Air, colors: tuple[str, ...], size: float = 0.16) -> Any:
    """Paving stones of a size in meters."""

    def surface(tree: Tree) -> Any:
        at = tree.position()
        inputs = {"Vector": at, "Scale": 1 / size, "Randomness": 0.7}
        edge = tree.add("TexVoronoi", inputs, 0, feature="DISTANCE_TO_EDGE")
        each = tree.part(tree.add("TexVoronoi", inputs, "Color"), 0)
        broad = tree.noise(at, 0.5, 4.0)
        value = tree.math("MULTIPLY_ADD", each, 0.5, tree.math("MULTIPLY", broad, 0.5))
        color = tree.ramp(
            value, (0.2, rgb(colors[0])), (0.55, rgb(colors[1])), (0.8, rgb(colors[2]))
        )
        color = tree.mix(tree.step(edge, 0.0, 0.12), rgb(colors[-1]), color)
        return matt(tree, color, tree.bump(tree.step(edge, 0.0, 0.3), 0.02), 0.6, 0.3)

    return material("cobbles", air, surface)


def glass(air: Air, color: str = "1d252c") -> Any:
    """Window panes: dark, mirroring the sky."""
    return material("glass", air, lambda tree: matt(tree, rgb(color), None, 0.05, 0.8))


def sand(air: Air, colors: tuple[str, ...], ripple: float = 0.35) -> Any:
    """Sand with ripples, `ripple` meters from one to the next."""

    def surface(tree: Tree) -> Any:
        at = tree.position()
        inputs = {"Vector": at, "Scale": 0.35 / ripple, "Distortion": 3.5, "Detail Scale": 0.6}
        waves = tree.add("TexWave", inputs, 1, bands_direction="DIAGONAL")
        color = tree.mix(0.4, mottled(tree, at, colors, 0.6), mottled(tree, at, colors, 0.04))
        color = tree.multiply(color, tree.mix(waves, (0.9, 0.9, 0.9, 1), (1.05, 1.05, 1.05, 1)))
        return matt(tree, color, tree.bump(waves, 0.03, 0.8))

    return material("sand", air, surface)
