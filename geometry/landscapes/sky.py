"""The sky at infinity, its drifting clouds, and the sun.

Clouds are noise on a plane far above that depends on the view direction alone, so they don't shift
when the camera moves. They drift with the value of the nodes TIME.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import bpy

from .nodes import Tree, rgb


@dataclass(frozen=True)
class Sky:
    """The sky's appearance. Colors are sRGB hex codes.

    Attributes:
        zenith: Color overhead.
        horizon: Color at the horizon.
        sun_color: Color of the sun and of the glow around it.
        sun: Elevation and bearing in degrees (0 ahead, 90 right), and strength.
        light: Color of clouds in sunlight.
        shade: Color of clouds in shadow.
        cover: Cloud cover, 0 for a clear sky to 1 for an overcast one.
        scale: Frequency of clouds across the sky.
        flat: Width of clouds relative to their depth.
        drift: Motion of clouds per frame, on a plane one unit above the camera.
        ambient: Strength of the sky's light.
        glow: Strength of the glow around the sun.
        seed: Offset into the noise, for other clouds.
    """

    zenith: str = "3f74b5"
    horizon: str = "c3d6e6"
    sun_color: str = "fff1dc"
    sun: tuple[float, float, float] = (40.0, 120.0, 4.0)
    light: str = "fbfaf7"
    shade: str = "98a5b5"
    cover: float = 0.5
    scale: float = 1.2
    flat: float = 1.0
    drift: tuple[float, float] = (0.012, 0.0)
    ambient: float = 1.0
    glow: float = 0.3
    seed: float = 0.0

    @property
    def toward_sun(self) -> tuple[float, float, float]:
        """Return the unit vector to the sun in Blender's axes."""
        height, bearing = math.radians(self.sun[0]), math.radians(self.sun[1])
        flat = math.cos(height)
        return flat * math.sin(bearing), flat * math.cos(bearing), math.sin(height)


def make_world(sky: Sky) -> Any:
    """Return a world with clouds for the camera and reflections, but lighting without clouds."""
    world = bpy.data.worlds.new("sky")
    world.cycles.sampling_method = "NONE"
    tree = Tree(world.node_tree)
    view = tree.add("TexCoord", {}, "Generated")
    clear = _gradient(tree, sky, view)
    density, lit = clouds(tree, sky, view)
    cloud = tree.mix(lit, rgb(sky.shade), rgb(sky.light))
    seen = tree.add("Background", {0: tree.mix(density, clear, cloud), 1: 1.0})
    lights = tree.add("Background", {0: clear, 1: sky.ambient})
    path = "Is Diffuse Ray"
    mixed = tree.add("MixShader", {0: tree.add("LightPath", {}, path), 1: seen, 2: lights})
    tree.add("OutputWorld", {0: mixed})
    return world


def _gradient(tree: Tree, sky: Sky, view: Any) -> Any:
    """Add the clear sky, from the horizon's color to the zenith's, brighter around the sun."""
    height = tree.math("MAXIMUM", tree.part(view, 2), 0.0)
    pale = tree.math("EXPONENT", tree.math("MULTIPLY", height, -4.5))
    color = tree.mix(pale, rgb(sky.zenith), rgb(sky.horizon))
    near = tree.add("VectorMath", {0: view, 1: sky.toward_sun}, "Value", operation="DOT_PRODUCT")
    near = tree.math("POWER", tree.math("MAXIMUM", near, 0.0), 8.0)
    return tree.mix(tree.math("MULTIPLY", near, sky.glow), color, rgb(sky.sun_color))


def clouds(tree: Tree, sky: Sky, view: Any) -> tuple[Any, Any]:
    """Add the clouds' density and brightness, each 0..1, in the directions `view`."""
    height = tree.part(view, 2)
    above = tree.math("DIVIDE", 1.0, tree.math("ADD", tree.math("MAXIMUM", height, 0.0), 0.12))
    at = tree.vector("MULTIPLY", tree.vector("SCALE", view, above), (1.0 / sky.flat, 1.0, 0.0))
    time = tree.time()
    moved = tree.vector("SCALE", (*sky.drift, 0.0), time)
    at = tree.vector("ADD", tree.vector("SUBTRACT", at, moved), (sky.seed, 2 * sky.seed, 0.0))
    change = tree.math("MULTIPLY", time, 0.002)
    thick = tree.noise(at, sky.scale, 7.0, 0.56, W=change, Distortion=0.15)
    sun_x, sun_y, _ = sky.toward_sun
    beside = tree.vector("ADD", at, (0.12 * sun_x, 0.12 * sun_y, 0.0))
    toward = tree.noise(beside, sky.scale, 3.0, 0.56, W=change, Distortion=0.15)
    edge = 0.72 - 0.4 * sky.cover
    density = tree.step(thick, edge, edge + 0.16)
    density = tree.math("MULTIPLY", density, tree.step(height, 0.0, 0.1))
    slope = tree.math("MULTIPLY", tree.math("SUBTRACT", thick, toward), 4.0)
    deep = tree.math("MULTIPLY", tree.math("SUBTRACT", thick, edge), -1.6)
    return density, tree.math("ADD", tree.math("ADD", slope, deep), 0.85, clamp=True)


def make_sun(sky: Sky) -> None:
    """Add the sun's lamp, slightly wider than the real sun."""
    lamp = bpy.data.lights.new("sun", "SUN")
    lamp.color, lamp.energy, lamp.angle = rgb(sky.sun_color)[:3], sky.sun[2], math.radians(0.8)
    sun = bpy.data.objects.new("sun", lamp)
    height, bearing = math.radians(sky.sun[0]), math.radians(sky.sun[1])
    sun.rotation_euler = (math.pi / 2 - height, 0, math.pi - bearing)
    bpy.context.scene.collection.objects.link(sun)
