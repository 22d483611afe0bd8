"""Test scenes with objects among the points: walls of points, emitting squares, the operator."""

from __future__ import annotations

import numpy as np
from render_scene import add_points

WIDTH, HEIGHT = 96, 64
FOCAL = 18.0 / 36.0 * WIDTH
GREEN, RED, SKY = (0.0, 0.6, 0.0, 1.0), (1.0, 0.0, 0.0, 1.0), (0.5, 0.7, 1.0, 1.0)


def pixel_points(depth, keep=None):
    """Return points (P, 3) at `depth`, at every second pixel, that more than fill the frame."""
    v, u = np.mgrid[-8 : HEIGHT + 8 : 2, -8 : WIDTH + 8 : 2] + 1.0
    depth = np.broadcast_to(depth, u.shape)
    x, y = (u - WIDTH / 2) * depth / FOCAL, (v - HEIGHT / 2) * depth / FOCAL
    points = np.stack([x, y, depth], axis=-1).astype(np.float32)
    return points[np.ones(u.shape, bool) if keep is None else keep(u, v)]


def add_wall(scene, depth=5.0, color=GREEN, keep=None):
    position = pixel_points(depth, keep)
    colors = np.tile(np.float32(color), (len(position), 1))
    return add_points(scene, position, radius=3.0 * position[:, 2] / FOCAL, Color=colors)


def outside_hole(u, v):
    """A hole of 24 x 24 pixels to the right of the center."""
    return (np.abs(u - 68) > 12) | (np.abs(v - 32) > 12)


def add_square(where, pixel, depth, half):
    """Add a red, emitting square that faces the camera, around `pixel` (u, v)."""
    import bpy

    mesh = bpy.data.meshes.new("square")
    side = half * depth / FOCAL
    corners = [(-side, 0, -side), (side, 0, -side), (side, 0, side), (-side, 0, side)]
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new("red")
    tree = material.node_tree
    tree.nodes.clear()
    light, output = (tree.nodes.new(f"ShaderNode{n}") for n in ("Emission", "OutputMaterial"))
    light.inputs["Color"].default_value = RED
    tree.links.new(light.outputs[0], output.inputs[0])
    mesh.materials.append(material)
    square, (u, v) = bpy.data.objects.new("square", mesh), pixel
    square.location = (u - WIDTH / 2) * depth / FOCAL, depth, (HEIGHT / 2 - v) * depth / FOCAL
    where.objects.link(square)
    return square


def place() -> object:
    """Call the operator; returns its result or the text of its error."""
    import bpy

    try:
        result = bpy.ops.make_4d.add_objects("EXEC_DEFAULT", True)
    except RuntimeError as error:
        return str(error)
    for scene in bpy.data.scenes:
        scene.eevee.taa_render_samples = 2
    return result


def is_red(image):
    return (image[..., 0] > 0.5) & (image[..., 1] < 0.2)


def is_green(image):
    return (image[..., 1] > 0.5) & (image[..., 0] < 0.2)


def joining(scene):
    return next(n for n in scene.compositing_node_group.nodes if n.type == "GROUP")


def names():
    import bpy

    kinds = ("scenes", "objects", "collections", "node_groups", "worlds", "lights")
    return {kind: sorted(d.name for d in getattr(bpy.data, kind)) for kind in kinds}
