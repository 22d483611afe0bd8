"""The compositor's node group that takes a photo's old background off the rims of its foreground.

A layer of the photo keeps a rim of its background's pixels, a few wide, that a depth map can't
tell from it: put an object behind, and the rim would stand round the foreground as a halo. In that
rim a pixel's color tells how much of it is foreground. With the means N of the foreground and F of
the background beside it, the color C = a N + (1 - a) F gives a = (C - F).(N - F) / |N - F|^2, as
in difference matting. Where N and F are alike the color says nothing, and a halo isn't seen.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..custom_properties import ROLE, mark
from .tree import Socket, add_node, feed, math

GROUP_ROLE = "edge_matte"
PHOTO, DEPTH, NEARER, EDGE, KEPT = "Photo", "Depth", "Nearer", "Edge", "Kept"
_REACH = 4.0
"""Reach of the means N and F, in widths of the rim."""
_JUMP = 1.25
"""Ratio of depths across a silhouette. Less is a slope that an object stands on: it has no rim."""
_CONTRAST = 50.0
"""1 / |N - F|^2, squares of scene-linear color, from which the color is believed in full."""
_SLOPE, _LOW = 1.5, 0.25
"""Shares a below 1/6 count as 0 and above 5/6 as 1: the means are means, not the colors there."""


def edge_matte_group() -> bpy.types.NodeTree:
    """The node group, made if the file has none of this kind.

    Inputs: the picture Photo, its Depth, the mask Nearer (1 where it is in front) and the rim's
    width Edge in pixels. Output: Kept, the share of a pixel that stays in front; 1 off the rim.
    """
    for tree in bpy.data.node_groups:
        if tree.get(ROLE) == GROUP_ROLE and not tree.library:
            return tree
    tree = bpy.data.node_groups.new("Make 4D Edge Matte", "CompositorNodeTree")
    mark(tree, GROUP_ROLE)
    tree.interface.new_socket(KEPT, in_out="OUTPUT", socket_type="NodeSocketFloat")
    for name, kind in ((PHOTO, "Color"), (DEPTH, "Float"), (NEARER, "Float"), (EDGE, "Int")):
        tree.interface.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}")
    given = add_node(tree, "NodeGroupInput", (0, 0)).outputs
    feed(tree, add_node(tree, "NodeGroupOutput", (16, 0)).inputs[KEPT], _kept(tree, given))
    return tree


def _kept(tree: bpy.types.NodeTree, given: Any) -> Socket:
    """1 less the background's share, where that is believed and on the rim."""
    inward = math(tree, "MULTIPLY", given[EDGE], -1.0, (1, 1))
    core = _grown(tree, given[NEARER], inward, (2, 1))
    behind = math(tree, "SUBTRACT", 1.0, given[NEARER], (2, -1))
    near, has_near = _mean(tree, given, core, 1)
    far, has_far = _mean(tree, given, behind, -1)
    share, contrast = _share(tree, given[PHOTO], near, far)
    deepest = _grown(tree, given[DEPTH], given[EDGE], (2, 5))
    nearest = _grown(tree, given[DEPTH], inward, (2, 4))
    step = math(tree, "MULTIPLY", nearest, _JUMP, (3, 4))
    jump = math(tree, "GREATER_THAN", deepest, step, (4, 4))
    rim = math(tree, "SUBTRACT", 1.0, core, (3, 6))
    taken = share
    for column, factor in enumerate((contrast, has_near, has_far, jump, rim), start=10):
        taken = math(tree, "MULTIPLY", taken, factor, (column, -1))
    return math(tree, "SUBTRACT", 1.0, taken, (15, 0))


def _grown(
    tree: bpy.types.NodeTree, values: Socket, distance: Socket, at: tuple[float, float]
) -> Socket:
    """The greatest value within a distance in pixels, the least where that is negative."""
    node = add_node(tree, "CompositorNodeDilateErode", at)
    feed(tree, node.inputs["Mask"], values)
    feed(tree, node.inputs["Size"], distance)
    return node.outputs[0]


def _mean(tree: bpy.types.NodeTree, given: Any, mask: Socket, row: float) -> tuple[Socket, Socket]:
    """The photo's mean color near each pixel where `mask` is 1; 1 where there is such a pixel."""
    masked = add_node(tree, "CompositorNodeSetAlpha", (3, row))
    feed(tree, masked.inputs["Image"], given[PHOTO])
    feed(tree, masked.inputs["Alpha"], mask)
    blurred = add_node(tree, "CompositorNodeBlur", (4, row))
    feed(tree, blurred.inputs["Image"], masked.outputs[0])
    feed(tree, blurred.inputs["Size"], math(tree, "MULTIPLY", given[EDGE], _REACH, (3, row + 2)))
    straight = add_node(tree, "CompositorNodePremulKey", (5, row))
    feed(tree, straight.inputs["Type"], "To Straight")
    feed(tree, straight.inputs["Image"], blurred.outputs[0])
    weight = add_node(tree, "CompositorNodeSeparateColor", (5, row + 2))
    feed(tree, weight.inputs["Image"], blurred.outputs[0])
    found = math(tree, "GREATER_THAN", weight.outputs["Alpha"], 1e-4, (6, row + 2))
    return straight.outputs[0], found


def _share(
    tree: bpy.types.NodeTree, color: Socket, near: Socket, far: Socket
) -> tuple[Socket, Socket]:
    """Share of the background in a pixel (1 - a), and how far to believe it, both 0..1."""
    apart = _vector(tree, "SUBTRACT", near, far, (6, 0))
    from_near = _vector(tree, "SUBTRACT", near, color, (6, -1))
    square = _vector(tree, "DOT_PRODUCT", apart, apart, (7, 0))
    share = math(
        tree, "DIVIDE", _vector(tree, "DOT_PRODUCT", from_near, apart, (7, -1)), square, (8, -1)
    )
    steep = add_node(tree, "ShaderNodeMath", (9, -1), operation="MULTIPLY_ADD", use_clamp=True)
    for socket, value in zip(steep.inputs, (share, _SLOPE, -_LOW), strict=True):
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
