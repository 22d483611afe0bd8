"""The compositor node group "Make 4D Objects": combine EEVEE's objects with the photo by depth.

Each pixel is composited by a Porter-Duff "over" with the nearer image on top. Where the order
changes between neighboring pixels the two results are mixed, so the transition has a smooth edge.
Blender's own Depth Combine selects one image per pixel, which gives the soft edge of an object the
depth of what is behind it.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..custom_properties import ROLE, mark
from . import edge_matte
from .tree import Socket, add_node, feed, math

GROUP_NAME = "Make 4D Objects"
GROUP_ROLE = "objects_over"
PHOTO, PHOTO_DEPTH, OBJECTS, OBJECTS_DEPTH = "Photo", "Photo Depth", "Objects", "Objects Depth"
NO_SURFACE, EDGE = "Depth Without Surface", "Edge"
EDGE_PX = 6
"""Width in pixels of the rims around a photo's foreground (see `edge_matte`)."""
_EDGE_PX = 3
"""How far EEVEE's pixel filter (1.5 pixels) can spread color beyond pixels with depth."""
_RIM_SPREAD_PX = 32
"""Distance from an object within which rims are looked for: larger than the matte's blur."""
_NOTHING = 1e9
"""Larger depths mean background: both engines write 1e10."""


def depth_over_group() -> bpy.types.NodeTree:
    """Return the file's node group; create it if there is none.

    Inputs:
        Photo, Objects: Premultiplied images.
        Photo Depth, Objects Depth: Their depths along the camera's axis in scene units.
        Depth Without Surface: Depth of pixels with color but no surface (volumes, blended
            materials).
        Edge: Width of the rims in pixels (see `edge_matte`).

    Output: Image; without objects it is the photo, bit for bit.
    """
    for tree in bpy.data.node_groups:
        if tree.get(ROLE) == GROUP_ROLE and not tree.library:
            return tree
    tree = bpy.data.node_groups.new(GROUP_NAME, "CompositorNodeTree")
    mark(tree, GROUP_ROLE)
    _interface(tree)
    inputs = add_node(tree, "NodeGroupInput", (0, 0)).outputs
    in_front = _in_front(tree, inputs)
    over = _over(tree, inputs[PHOTO], inputs[OBJECTS], (7, 1))
    under = _over(tree, inputs[OBJECTS], inputs[PHOTO], (7, 0))
    image = _mixed(tree, in_front, under, over, "RGBA", (8, 0))
    feed(tree, add_node(tree, "NodeGroupOutput", (9, 0)).inputs["Image"], image)
    return tree


def _interface(tree: bpy.types.NodeTree) -> None:
    def socket(name: str, kind: str, in_out: str = "INPUT") -> Any:
        return tree.interface.new_socket(name, in_out=in_out, socket_type=f"NodeSocket{kind}")

    socket("Image", "Color", "OUTPUT")
    for name, depth_name in ((PHOTO, PHOTO_DEPTH), (OBJECTS, OBJECTS_DEPTH)):
        socket(name, "Color").default_value = (0.0, 0.0, 0.0, 0.0)
        socket(depth_name, "Float").default_value = 1e10
    depth = socket(NO_SURFACE, "Float")
    depth.min_value = 0.0
    depth.description = "Depth of volumes and blended materials, which have no depth of their own"
    edge = socket(EDGE, "Int")
    edge.default_value, edge.min_value, edge.max_value = EDGE_PX, 0, 32
    edge.description = "Width in pixels of the rim from which the photo's background is removed"


def _in_front(tree: bpy.types.NodeTree, inputs: Any) -> Socket:
    """Return the fraction of each pixel, 0 to 1, in which objects are in front of the photo."""
    depth, photo = inputs[OBJECTS_DEPTH], inputs[PHOTO_DEPTH]
    own = _spread(tree, depth, inputs[NO_SURFACE], _EDGE_PX, -1)
    hard = math(tree, "LESS_THAN", photo, own, (4, -1))
    smooth = add_node(tree, "CompositorNodeAntiAliasing", (5, -1))
    feed(tree, smooth.inputs["Image"], hard)
    # Rims are looked for beyond the objects too, otherwise they would follow their outlines.
    spread = _spread(tree, depth, depth, _RIM_SPREAD_PX, -4)
    matte = add_node(
        tree, "CompositorNodeGroup", (5, -3), node_tree=edge_matte.edge_matte_group(), width=160.0
    )
    feed(tree, matte.inputs[edge_matte.PHOTO], inputs[PHOTO])
    feed(tree, matte.inputs[edge_matte.DEPTH], photo)
    feed(tree, matte.inputs[edge_matte.NEARER], math(tree, "LESS_THAN", photo, spread, (4, -3)))
    feed(tree, matte.inputs[edge_matte.EDGE], inputs[EDGE])
    hidden = math(tree, "MULTIPLY", smooth.outputs[0], matte.outputs[edge_matte.KEPT], (6, -1))
    return math(tree, "SUBTRACT", 1.0, hidden, (6, -2))


def _spread(
    tree: bpy.types.NodeTree, depth: Socket, nothing: Socket, distance: int, row: float
) -> Socket:
    """Return the objects' depth, extended by `distance` pixels with the nearest depth there.

    Pixels to which only EEVEE's filter has spread color have no depth; this gives them one.
    """
    grown = add_node(tree, "CompositorNodeDilateErode", (1, row))
    feed(tree, grown.inputs["Mask"], depth)
    feed(tree, grown.inputs["Size"], -distance)
    near = grown.outputs[0]
    beside = _mixed(tree, _is_surface(tree, near, (2, row)), nothing, near, at=(3, row))
    is_surface = _is_surface(tree, depth, (2, row - 1))
    return _mixed(tree, is_surface, beside, depth, at=(3, row - 1))


def _is_surface(tree: bpy.types.NodeTree, depth: Socket, at: tuple[float, float]) -> Socket:
    return math(tree, "LESS_THAN", depth, _NOTHING, at)


def _over(
    tree: bpy.types.NodeTree, background: Socket, foreground: Socket, at: tuple[float, float]
) -> Socket:
    node = add_node(tree, "CompositorNodeAlphaOver", at)
    feed(tree, node.inputs["Background"], background)
    feed(tree, node.inputs["Foreground"], foreground)
    return node.outputs[0]


def _mixed(
    tree: bpy.types.NodeTree,
    factor: Socket,
    zero: Socket,
    one: Socket,
    kind: str = "FLOAT",
    at: tuple[float, float] = (0, 0),
) -> Socket:
    """Mix `zero` (factor 0) and `one` (factor 1); kind: FLOAT or RGBA."""
    node = add_node(tree, "ShaderNodeMix", at, data_type=kind)
    usable = [socket for socket in node.inputs if socket.enabled]
    for socket, value in zip(usable, (factor, zero, one), strict=True):
        feed(tree, socket, value)
    return next(socket for socket in node.outputs if socket.enabled)
