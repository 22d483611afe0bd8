"""Water of random looks: its material, and fans of it that break into waves and foam.

A fan is a grid of points around the origin that is as fine as the picture needs. Ground and water
that share a fan meet in exact lines. Attributes of a water mesh's points steer its
material:
SHALLOW, 0 on deep water to 1 where the ground comes up to it; FOAM, the share that is white; PHASE,
which rises by 1 from crest to crest of surf; and BREAKING, how white those crests are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes.materials import Air, material
from ..landscapes.meshes import Shape, grid_faces, place_large
from ..landscapes.nodes import Tree, Value, rgb
from .draw import Draw
from .labels import WATER_INDEX

Array = NDArray[np.float64]
SPREAD = 105.0
"""Angle of a fan to either side of straight ahead, in degrees."""
SHALLOW, FOAM, PHASE, BREAKING = "shallow", "foam", "phase", "breaking"
BODIES = {
    "blue": ("0a2a48", "2c6a8c"),
    "navy": ("06162e", "1d4060"),
    "green": ("16382e", "4a7a5c"),
    "turquoise": ("0e5468", "6cc4bc"),
    "milky": ("5a8a90", "a4c4c0"),
    "gray": ("3a4448", "78868a"),
    "brown": ("4a3a26", "8a7350"),
    "mud": ("7a6446", "a08a68"),
    "black": ("060a0c", "2c2e26"),
    "olive": ("2c3018", "66683a"),
}
"""Colors of deep and of shallow water by name."""


@dataclass(frozen=True)
class Look:
    """The look of water. Colors are sRGB hex codes.

    Attributes:
        deep: Color of deep water.
        shallow: Color of shallow water.
        length: Length of a wave in meters.
        height: Height of a wave in meters.
        stretch: Length of the crests relative to the waves' length.
        turn: Direction of the waves, in radians.
        rough: Roughness of the surface between its waves.
        calm: Share of the surface that no wind touches.
        caps: Share of the surface that is white crests.
        foam: Color of foam.
        ripples: How much of the surface near the eye is facets that show the water's own color
            instead of the sky.
    """

    deep: str
    shallow: str
    length: float = 2.0
    height: float = 0.1
    stretch: float = 2.5
    turn: float = 0.0
    rough: float = 0.05
    calm: float = 0.0
    caps: float = 0.0
    foam: str = "e4eaec"
    ripples: float = 0.0


def draw_look(draw: Draw, air: Air, bodies: tuple[str, ...] = (), wild: float = 0.5) -> Look:
    """Return a random look.

    Args:
        draw: The random choices.
        air: The haze; some water takes on its color.
        bodies: Names in BODIES to choose from; all by default.
        wild: 0 for a mirror to 1 for rough water.
    """
    deep, shallow = BODIES[draw.choice(bodies or tuple(BODIES))]
    if draw.chance(0.12):
        deep = shallow = air.color
    length = draw.log_uniform(0.2, 2.0) * (1 + 4 * wild * draw.uniform(0, 1))
    steep = 0.004 + 0.13 * wild**1.5 * draw.uniform(0.4, 1.2)
    if draw.chance(0.06):  # a long exposure: no waves are left
        steep, wild = 0.0, 2.5
    return Look(
        draw.near_color(deep, 1.3),
        draw.near_color(shallow, 1.3),
        length,
        length * steep,
        draw.uniform(1.0, 4.0),
        draw.uniform(0, 3.14),
        draw.uniform(0.01, 0.03 + 0.12 * wild),
        draw.uniform(0, 0.8) if draw.chance(0.5) else 0.0,
        foam=draw.near_color("e4eaec", 0.4),
        ripples=draw.uniform(0.2, 1.0) if steep and draw.chance(0.3 + 0.6 * wild) else 0.0,
    )


def rapids(draw: Draw, look: Look) -> Look:
    """Return a look as water has it where it rushes: steep, white or the color of mud."""
    mud = draw.near_color(draw.choice(("e4eaec", "d8d0c0", "c0a888", "a89070", "b0b0a4")))
    length = draw.log_uniform(0.4, 2.5)
    steep, ripples = draw.uniform(0.08, 0.25), draw.uniform(0.4, 1.0)
    return replace(look, length=length, height=steep * length, foam=mud, ripples=ripples, calm=0.0)


def water(air: Air, look: Look) -> Any:
    """Return the water's material."""

    def shader(tree: Tree) -> Any:
        at = tree.position()
        far = tree.add("CameraData", {}, "View Distance")
        inputs = {"Vector": at, "Angle": look.turn}
        turned = tree.add("VectorRotate", inputs, rotation_type="Z_AXIS")
        crests = tree.vector("MULTIPLY", turned, (1 / look.stretch, 1.0, 1.0))
        height = tree.noise(crests, 1 / look.length, 4.0, 0.55, Distortion=0.4)
        fade = tree.math("DIVIDE", far, 90.0 * look.length)
        fade = tree.math("POWER", tree.math("ADD", fade, 1.0), -0.7)
        wind = _wind(tree, turned, look)
        strength = tree.math("MULTIPLY", fade, wind)
        shallow = _attribute(tree, SHALLOW)
        broad = tree.noise(crests, 0.02 / look.length + 0.004, 3.0)
        body = tree.mix(tree.math("MULTIPLY", broad, 0.35), rgb(look.deep), rgb(look.shallow))
        body = tree.mix(shallow, body, rgb(look.shallow))
        lost = tree.math("MULTIPLY", tree.math("SUBTRACT", 1.0, fade), 2.5 * _steepness(look))
        settings = {
            "Base Color": body,
            "Roughness": tree.math("MULTIPLY_ADD", lost, wind, look.rough, clamp=True),
            "IOR": 1.33,
            "Specular IOR Level": 0.5,
            "Normal": tree.bump(height, look.height, strength),
        }
        clear = tree.add("BsdfPrincipled", settings)
        if look.ripples:
            clear = _rippled(tree, clear, body, crests, tree.math("MULTIPLY", fade, wind), look)
        white = _white(tree, at, crests, height, look)
        foam = tree.add("BsdfDiffuse", {0: rgb(look.foam)})
        return tree.add("MixShader", {0: white, 1: clear, 2: foam})

    return material("water", air, shader)


def _rippled(
    tree: Tree, clear: Any, body: Value, crests: Value, strength: Value, look: Look
) -> Any:
    """Add facets that are turned to the eye, and so show the water's own color.

    They are a color of their own because denoising keeps edges of color, but not those of glints.
    """
    facets = tree.noise(crests, 0.8 / look.length, 6.0, 0.72, Distortion=0.6)
    share = tree.math("MULTIPLY", tree.step(facets, 0.45, 0.57), strength)
    depths = tree.add("BsdfDiffuse", {0: tree.multiply(body, rgb("909090"))})
    share = tree.math("MULTIPLY", share, look.ripples)
    return tree.add("MixShader", {0: share, 1: clear, 2: depths})


def _steepness(look: Look) -> float:
    return look.height / look.length


def _wind(tree: Tree, turned: Value, look: Look) -> Value:
    """Add how much the wind ruffles the surface, 0..1, in drawn-out patches."""
    if not look.calm:
        return 1.0
    patches = tree.vector("MULTIPLY", turned, (0.3, 1.0, 1.0))
    patch = tree.noise(patches, 0.03 / look.length, 3.0, 0.6)
    edge = 0.3 + 0.4 * look.calm
    return tree.math("MULTIPLY_ADD", tree.step(patch, edge, edge + 0.12), 0.95, 0.05)


def _white(tree: Tree, at: Value, crests: Value, height: Value, look: Look) -> Value:
    """Add how white the surface is, 0..1: foam in patches and laces, and white crests."""
    since = tree.math("FRACT", _attribute(tree, PHASE))  # a crest breaks at 0 and trails foam
    trail = tree.math("SUBTRACT", 1.0, tree.math("MULTIPLY", since, 1.6), clamp=True)
    surf = tree.math("MULTIPLY", trail, _attribute(tree, BREAKING))
    foam = tree.math("ADD", _attribute(tree, FOAM), surf)
    broken = tree.noise(at, 1.1, 6.0, 0.68)
    patch = tree.math("ADD", foam, tree.math("MULTIPLY_ADD", broken, 1.6, -0.8))
    patch = tree.step(patch, 0.42, 0.62)
    warp = tree.add("TexNoise", {"Vector": at, "Scale": 0.8, "Detail": 3.0}, "Color")
    warped = tree.vector("ADD", at, tree.vector("SCALE", warp, 2.5))
    inputs = {"Vector": warped, "Scale": 1.5, "Randomness": 1.0}
    edge = tree.add("TexVoronoi", inputs, 0, feature="DISTANCE_TO_EDGE")
    thick = tree.math("MULTIPLY_ADD", broken, 1.2, -0.42)  # threads swell and tear
    lace = tree.step(tree.math("SUBTRACT", tree.math("MULTIPLY", thick, 0.55), edge), 0.0, 0.08)
    lace = tree.math("MULTIPLY", lace, tree.step(foam, 0.08, 0.3))
    white = tree.math("MAXIMUM", patch, tree.math("MULTIPLY", lace, 0.8))
    if look.caps:
        fine = tree.noise(crests, 3.5 / look.length, 5.0, 0.7)
        crest = tree.math("ADD", height, tree.math("MULTIPLY_ADD", fine, 0.5, -0.25))
        group = tree.noise(at, 0.12 / look.length, 2.0)
        crest = tree.math("ADD", crest, tree.math("MULTIPLY_ADD", group, 0.3, -0.15))
        edge_of_caps = 0.8 - 0.4 * look.caps
        cap = tree.step(crest, edge_of_caps, edge_of_caps + 0.07)
        white = tree.math("MAXIMUM", white, cap)
    return white


def _attribute(tree: Tree, name: str) -> Value:
    return tree.add("Attribute", {}, "Factor", attribute_name=name)


@dataclass(frozen=True)
class Fan:
    """Positions x, y (R, C) in rows of growing distance from the origin, densest straight ahead."""

    x: Array
    y: Array

    @property
    def spacing(self) -> Array:
        """Distance in meters from row to row, (R, C)."""
        away = np.hypot(self.x, self.y)
        return np.broadcast_to(np.gradient(away, axis=0), away.shape)


def fan(
    near: float,
    far: float,
    rows: int = 150,
    columns: int = 220,
    band: tuple[float, float] | None = None,
) -> Fan:
    """Return a fan; its first row is the origin.

    Args:
        near: Distance of its second row in meters.
        far: Distance of its last row.
        rows: Their number.
        columns: Number of points in a row.
        band: Nearest and farthest distance of a band with half of the rows, evenly spaced.
    """
    turn = np.linspace(-1, 1, columns)
    turn = np.radians(SPREAD) * (0.6 * turn + 0.4 * turn**3)
    parts = [np.zeros(1), np.geomspace(near, far, rows - 1)]
    if band is not None:
        count = rows // 6
        parts[1:] = [
            np.geomspace(near, band[0], 2 * count, endpoint=False),
            np.linspace(*band, rows - 3 * count - 1, endpoint=False),
            np.geomspace(band[1], far, count),
        ]
    away = np.concatenate(parts)[:, None]
    return Fan(away * np.sin(turn), away * np.cos(turn))


def surface(
    grid: Fan, height: Any, material: Any, index: int, keep: Any = None, **attributes: Array
) -> Any:
    """Add the surface of given height over a fan.

    Args:
        grid: The fan.
        height: Its height (R, C) in meters, or one number.
        material: Its material.
        index: Its pass index.
        keep: Which points (R, C) to keep; a face stays if it has one of them.
        **attributes: Attributes (R, C) of the points by name.
    """
    points = np.stack([grid.x, grid.y, np.broadcast_to(height, grid.x.shape)], axis=-1)
    faces = grid_faces(*grid.x.shape)
    if keep is not None:
        faces = faces[keep.ravel()[faces].any(axis=1)]
    if not len(faces):
        return None
    shape = Shape()
    shape.add(points.reshape(-1, 3), faces)
    mesh = shape.mesh("surface", [material], smooth=True)
    for name, values in attributes.items():
        layer = mesh.attributes.new(name, "FLOAT", "POINT")
        layer.data.foreach_set("value", np.asarray(values, np.float32).ravel())
    item = place_large(mesh)
    item.pass_index = index
    return item


def pool(
    grid: Fan,
    ground: Array,
    level: Any,
    air: Air,
    look: Look,
    clear: float,
    foam: Array | None = None,
) -> Any:
    """Add water over ground of the same fan.

    Args:
        grid: The fan.
        ground: The ground's height (R, C).
        level: Height of the water, (R, C) or one number.
        air: The haze.
        look: The water's look.
        clear: Depth in meters at which the ground is lost to sight.
        foam: Share of the surface that is white (R, C); none by default.
    """
    shallow = np.exp(-np.maximum(level - ground, 0) / clear)
    white = np.zeros_like(ground) if foam is None else foam
    keep = ground < level + 0.5
    return surface(
        grid, level, water(air, look), WATER_INDEX, keep, **{SHALLOW: shallow, FOAM: white}
    )


def swell(x: Array, y: Array, draw: Draw, length: float, height: float, turn: float) -> Any:
    """Return a function of a fan: heights (R, C) of rolling waves where its rows can show them."""
    count = 5
    lengths = length * np.exp(draw.rng.normal(0, 0.45, count))
    turns = turn + draw.rng.normal(0, 0.45, count)
    starts = draw.rng.uniform(0, 6.28, count)
    total = np.zeros_like(x)
    away = np.hypot(x, y)
    for wave, direction, start in zip(lengths, turns, starts, strict=True):
        along = x * np.sin(direction) + y * np.cos(direction)
        bend = 0.6 * np.sin((x * np.cos(direction) - y * np.sin(direction)) / (2.3 * wave))
        phase = 6.28 * along / wave + start + bend
        crest = 1 - 2 * np.abs(np.sin(phase / 2)) ** 1.4
        fine = np.clip(2.0 - away * 0.05 * 3 / wave, 0, 1)
        total += crest * fine * (wave / length) ** 0.7
    return 0.5 * height * total / count**0.5
