"""Materials of procedural noise, each seen through the scene's haze.

A volume would be slow and noisy. Instead, haze replaces the fraction 1 - exp(-distance / reach) of
a surface's light by its own color.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from .nodes import Tree, Value, rgb


@dataclass(frozen=True)
class Air:
    """Haze.

    Attributes:
        color: Its sRGB color in hexadecimal digits.
        reach: Distance in meters at which it covers 63 %.
        depth: Height in meters at which a layer of fog has thinned to 37 %; 0 for even haze.
    """

    color: str = "b9c9da"
    reach: float = 3000.0
    depth: float = 0.0


def material(name: str, air: Air, surface: Callable[[Tree], Any]) -> Any:
    """Return a material whose surface shader is the one that `surface` adds, behind the haze."""
    result = bpy.data.materials.new(name)
    result.cycles.emission_sampling = "NONE"  # haze is not a light source
    tree = Tree(result.node_tree)
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
    return result


def matte(
    tree: Tree, color: Value, normal: Value = None, rough: float = 0.9, gloss: float = 0.0
) -> Any:
    """Return the shader of a matte surface, or of a slightly glossy one.

    gloss: The specular level, 0 for none.
    """
    if not gloss:
        return tree.add("BsdfDiffuse", {0: color} | ({} if normal is None else {2: normal}))
    inputs = {"Base Color": color, "Roughness": rough, "Specular IOR Level": gloss}
    if normal is not None:
        inputs["Normal"] = normal
    return tree.add("BsdfPrincipled", inputs)


def mottled(
    tree: Tree, at: Value, colors: tuple[str, ...], scale: float, rough: float = 0.6
) -> Any:
    """Return a color that noise blends from several colors."""
    return ramp(tree, tree.step(tree.noise(at, scale, 4.0, rough), 0.28, 0.72), colors)


def ramp(tree: Tree, value: Value, colors: tuple[str, ...]) -> Any:
    """Return the color at a value 0..1 of a ramp of evenly spaced colors."""
    stops = [n / max(1, len(colors) - 1) for n in range(len(colors))]
    return tree.ramp(value, *zip(stops, map(rgb, colors), strict=True))


def land(
    air: Air,
    ground: tuple[str, ...],
    rock: tuple[str, ...] = ("6d655c", "8d867c", "4f4a45"),
    steep: tuple[float, float] = (0.62, 0.82),
    snow_line: float | None = None,
    scale: float = 0.5,
    roughness: float = 0.08,
) -> Any:
    """Return a material of ground: grass, sand or snow on flat land, rock on slopes, snow high up.

    Args:
        air: The haze.
        ground: Colors of flat land.
        rock: Colors of slopes.
        steep: The normal's z at and below which it is all rock, and above which there is no rock.
        snow_line: Height in meters above which there is snow.
        scale: Frequency of the ground's color noise in 1/m.
        roughness: Height of its bumps in meters.
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
        return matte(tree, color, tree.bump(height, roughness))

    return material("land", air, surface)


def _snowed(tree: Tree, color: Value, at: Value, up: Value, broken: Value, line: float) -> Any:
    """Return a color that turns white above a height, except on steep slopes."""
    height = tree.math(
        "MULTIPLY_ADD", tree.math("SUBTRACT", broken, 0.5), line * 0.9, tree.part(at, 2)
    )
    high = tree.step(height, line * 0.92, line * 1.12)
    flat = tree.step(tree.math("MULTIPLY_ADD", broken, 0.35, up), 0.72, 0.92)
    return tree.mix(tree.math("MULTIPLY", high, flat), color, rgb("eef2f7"))


def rock(air: Air, colors: tuple[str, ...], scale: float = 1.2, moss: str = "") -> Any:
    """Return a material of boulders and cliffs.

    moss: Color of moss or snow on faces that point up; empty for none.
    """

    def surface(tree: Tree) -> Any:
        at = tree.position()
        color = mottled(tree, tree.vector("MULTIPLY", at, (1.0, 1.0, 2.5)), colors, scale, 0.7)
        height = tree.noise(at, scale * 2.5, 5.0, 0.68)
        color = tree.mix(tree.step(height, 0.5, 0.3), color, rgb(colors[-1]))
        if moss:
            up = tree.part(tree.add("NewGeometry", {}, "Normal"), 2)
            covered = tree.step(tree.math("MULTIPLY_ADD", height, 0.6, up), 0.85, 1.1)
            color = tree.mix(covered, color, rgb(moss))
        return matte(tree, color, tree.bump(height, 0.12))

    return material("rock", air, surface)


def foliage(air: Air, colors: tuple[str, ...], snow: float = 0.0, sheer: float = 0.35) -> Any:
    """Return a material of leaves and needles, each with its own shade, that let light through.

    Args:
        air: The haze.
        colors: The range of colors, which vary from plant to plant.
        snow: Amount of snow on them, 0 for none.
        sheer: Fraction of the light that passes through.
    """

    def surface(tree: Tree) -> Any:
        plant = tree.add("ObjectInfo", {}, "Random")
        leaf = tree.add("NewGeometry", {}, "Random Per Island")
        patch = tree.step(tree.noise(tree.position(), 0.12, 1.0), 0.3, 0.7)
        plant = tree.math("MULTIPLY_ADD", plant, 0.4, tree.math("MULTIPLY", patch, 0.3))
        value = tree.math("MULTIPLY_ADD", leaf, 0.3, plant)
        color = ramp(tree, value, colors)
        color = tree.multiply(color, tree.mix(leaf, (0.7, 0.7, 0.7, 1), (1.25, 1.25, 1.25, 1)))
        if snow:
            broken = tree.noise(tree.position(), 3.0, 3.0)
            color = tree.mix(tree.step(broken, 0.62 - snow, 0.72 - snow), color, rgb("e9eef5"))
        lit = matte(tree, color)
        through = tree.add("BsdfTranslucent", {0: color})
        return tree.add("MixShader", {0: sheer, 1: lit, 2: through})

    return material("foliage", air, surface)


def plain(air: Air, colors: tuple[str, ...], scale: float = 4.0, bump: float = 0.01) -> Any:
    """Return a material of bark, plaster or planks, with noise in the object's own coordinates."""

    def surface(tree: Tree) -> Any:
        at = tree.add("TexCoord", {}, "Object")
        grain = tree.vector("MULTIPLY", at, (1.0, 1.0, 0.35))
        height = tree.noise(grain, scale * 3, 4.0, 0.65)
        return matte(tree, mottled(tree, grain, colors, scale), tree.bump(height, bump))

    return material("plain", air, surface)


def tiles(air: Air, colors: tuple[str, ...], row: float = 0.3) -> Any:
    """Return a material of roof tiles; row: height of a row in meters."""

    def surface(tree: Tree) -> Any:
        at = tree.add("TexCoord", {}, "Object")
        rows = tree.math("FRACT", tree.math("MULTIPLY", tree.part(at, 2), 1 / row))
        cell = tree.vector("MULTIPLY", at, (1 / row, 1 / row, 1 / row))
        each = tree.add("TexWhiteNoise", {0: tree.vector("FLOOR", cell, (0, 0, 0))}, 0)
        value = tree.math(
            "MULTIPLY_ADD", tree.noise(at, 0.6, 4.0), 0.6, tree.math("MULTIPLY", each, 0.4)
        )
        color = ramp(tree, value, colors)
        color = tree.multiply(color, tree.mix(rows, (0.55, 0.55, 0.55, 1), (1.1, 1.1, 1.1, 1)))
        return matte(tree, color, tree.bump(rows, 0.03), 0.8, 0.2)

    return material("tiles", air, surface)


def cobbles(air: Air, colors: tuple[str, ...], size: float = 0.16) -> Any:
    """Return a material of paving stones; size: of a stone, in meters."""

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
        return matte(tree, color, tree.bump(tree.step(edge, 0.0, 0.3), 0.02), 0.6, 0.3)

    return material("cobbles", air, surface)


def glass(air: Air, color: str = "1d252c") -> Any:
    """Return a material of window panes, dark and reflecting the sky."""
    return material("glass", air, lambda tree: matte(tree, rgb(color), None, 0.05, 0.8))


def sand(air: Air, colors: tuple[str, ...], ripple: float = 0.35) -> Any:
    """Return a material of sand; ripple: distance of its ripples in meters."""

    def surface(tree: Tree) -> Any:
        at = tree.position()
        inputs = {"Vector": at, "Scale": 0.35 / ripple, "Distortion": 3.5, "Detail Scale": 0.6}
        waves = tree.add("TexWave", inputs, 1, bands_direction="DIAGONAL")
        color = tree.mix(0.4, mottled(tree, at, colors, 0.6), mottled(tree, at, colors, 0.04))
        color = tree.multiply(color, tree.mix(waves, (0.9, 0.9, 0.9, 1), (1.05, 1.05, 1.05, 1)))
        return matte(tree, color, tree.bump(waves, 0.03, 0.8))

    return material("sand", air, surface)
