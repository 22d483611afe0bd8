"""The compositor node group "Make 4D Edge Matte": remove background from a foreground's rim.

A layer of the photo keeps a rim of background pixels, a few pixels wide, because the depth map
isn't more accurate. If an object is placed behind the layer, the rim becomes a halo around the
foreground. In the rim, a pixel's color shows how much of it is foreground: with the mean colors N
of the foreground and F of the background near the pixel, C = a N + (1 - a) F gives
a = (C - F).(N - F) / |N - F|^2, as in difference matting. Where N and F are alike the color shows
nothing, but there a halo is invisible.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..custom_properties import ROLE, mark
from .tree import Socket, add_node, feed, math

GROUP_ROLE = "edge_matte"
PHOTO, DEPTH, NEARER, EDGE, KEPT = "Photo", "Depth", "Nearer", "Edge", "Kept"
_REACH = 4.0
"""Radius of the means N and F, in widths of the rim."""
_JUMP = 1.25
"""Smallest ratio of depths across a silhouette. Slopes, on which objects stand, have no rim."""
_CONTRAST = 50.0
"""1 / |N - F|^2, in scene-linear color, from which the color is fully trusted."""
_SLOPE, _LOW = 1.5, 0.25
"""Fractions a below 1/6 count as 0 and above 5/6 as 1, because N and F are only mean colors."""


def edge_matte_group() -> bpy.types.NodeTree:
    """Return the file's node group; create it if there is none.

    Inputs: the image Photo, its Depth, the mask Nearer (1 where it is in front) and the width Edge
    of the rim in pixels. Output: Kept, the fraction of a pixel that stays in front, 1 outside rims.
    """
    for tree in bpy.data.node_groups:
        if tree.get(ROLE) == GROUP_ROLE and not tree.library:
            return tree
    tree = bpy.data.node_groups.new("Make 4D Edge Matte", "CompositorNodeTree")
    mark(tree, GROUP_ROLE)
    tree.interface.new_socket(KEPT, in_out="OUTPUT", socket_type="NodeSocketFloat")
    for name, kind in ((PHOTO, "Color"), (DEPTH, "Float"), (NEARER, "Float"), (EDGE, "Int")):
        tree.interface.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}")
    inputs = add_node(tree, "NodeGroupInput", (0, 0)).outputs
    feed(tree, add_node(tree, "NodeGroupOutput", (16, 0)).inputs[KEPT], _kept(tree, inputs))
    return tree


def _kept(tree: bpy.types.NodeTree, inputs: Any) -> Socket:
    """Return 1 minus the background's fraction, as far as it is trusted, in the rim."""
    inward = math(tree, "MULTIPLY", inputs[EDGE], -1.0, (1, 1))
    core = _grown(tree, inputs[NEARER], inward, (2, 1))
    behind = math(tree, "SUBTRACT", 1.0, inputs[NEARER], (2, -1))
    near, has_near = _mean(tree, inputs, core, 1)
    far, has_far = _mean(tree, inputs, behind, -1)
    fraction, contrast = _background(tree, inputs[PHOTO], near, far)
    deepest = _grown(tree, inputs[DEPTH], inputs[EDGE], (2, 5))
    nearest = _grown(tree, inputs[DEPTH], inward, (2, 4))
    step = math(tree, "MULTIPLY", nearest, _JUMP, (3, 4))
    jump = math(tree, "GREATER_THAN", deepest, step, (4, 4))
    rim = math(tree, "SUBTRACT", 1.0, core, (3, 6))
    removed = fraction
    for column, factor in enumerate((contrast, has_near, has_far, jump, rim), start=10):
        removed = math(tree, "MULTIPLY", removed, factor, (column, -1))
    return math(tree, "SUBTRACT", 1.0, removed, (15, 0))


def _grown(
    tree: bpy.types.NodeTree, values: Socket, distance: Socket, at: tuple[float, float]
) -> Socket:
    """Return the maximum within a distance in pixels, the minimum if it is negative."""
    node = add_node(tree, "CompositorNodeDilateErode", at)
    feed(tree, node.inputs["Mask"], values)
    feed(tree, node.inputs["Size"], distance)
    return node.outputs[0]


def _mean(tree: bpy.types.NodeTree, inputs: Any, mask: Socket, row: float) -> tuple[Socket, Socket]:
    """Return the photo's mean color near each pixel inside a mask, and 1 where it is defined."""
    masked = add_node(tree, "CompositorNodeSetAlpha", (3, row))
    feed(tree, masked.inputs["Image"], inputs[PHOTO])
    feed(tree, masked.inputs["Alpha"], mask)
    blurred = add_node(tree, "CompositorNodeBlur", (4, row))
    feed(tree, blurred.inputs["Image"], masked.outputs[0])
    feed(tree, blurred.inputs["Size"], math(tree, "MULTIPLY", inputs[EDGE], _REACH, (3, row + 2)))
    straight = add_node(tree, "CompositorNodePremulKey", (5, row))
    feed(tree, straight.inputs["Type"], "To Straight")
    feed(tree, straight.inputs["Image"], blurred.outputs[0])
    weight = add_node(tree, "CompositorNodeSeparateColor", (5, row + 2))
    feed(tree, weight.inputs["Image"], blurred.outputs[0])
    is_defined = math(tree, "GREATER_THAN", weight.outputs["Alpha"], 1e-4, (6, row + 2))
    return straight.outputs[0], is_defined


def _background(
    tree: bpy.types.NodeTree, color: Socket, near: Socket, far: Socket
) -> tuple[Socket, Socket]:
    """Return the background's fraction of a pixel (1 - a), and how far it is trusted; both 0..1."""
    apart = _vector(tree, "SUBTRACT", near, far, (6, 0))
    from_near = _vector(tree, "SUBTRACT", near, color, (6, -1))
    square = _vector(tree, "DOT_PRODUCT", apart, apart, (7, 0))
    fraction = math(
        tree, "DIVIDE", _vector(tree, "DOT_PRODUCT", from_near, apart, (7, -1)), square, (8, -1)
    )
    steep = add_node(tree, "ShaderNodeMath", (9, -1), operation="MULTIPLY_ADD", use_clamp=True)
    for socket, value in zip(steep.inputs, (fraction, _SLOPE, -_LOW), strict=True):
        feed(tree, socket, value)
    contrast = math(tree, "MULTIPLY", square, _CONTRAST, (8, 0))
    contrast.node.use_clamp = True
    return steep.outputs[0], contrast


def _vector(
    tree: bpy.types.NodeTree, operation: str, a: Socket, b: Socket, at: tuple[float, float]
) -> Socket:
    node = add_node(tree, "ShaderNodeVectorMath", at, operation=operation)
    feed(tree, node.inputs[0], a)
    feed(tree, node.inputs[1], b)
    return next(socket for socket in node.outputs if socket.enabled)
