"""The node group "Make 4D Guide": arrows along a curve that show its direction and speed.

They appear only in the viewport, because guides aren't rendered.
"""

from __future__ import annotations

import bpy

from .tree import Socket, add_input, add_node, describe, feed, find_group, math

NAME, ROLE_NAME, GROUP_VERSION = "Make 4D Guide", "guide_arrows", 1
ARROWS, SIZE = "Arrows", "Arrow Size"
VERTICES = 8
"""Vertices around an arrow."""
SLENDERNESS = 2.0
"""Length of an arrow divided by its width."""


def add_arrows(guide: bpy.types.Object) -> bpy.types.NodesModifier:
    """Add the modifier that shows its direction to a curve object."""
    modifier = guide.modifiers.new(NAME, "NODES")
    modifier.node_group = guide_group()
    return modifier


def guide_group() -> bpy.types.NodeTree:
    """Return the file's node group of this version; create it if there is none."""
    group = find_group(ROLE_NAME, GROUP_VERSION)
    if group is not None:
        return group
    group = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    describe(group, ROLE_NAME, GROUP_VERSION, "Show the direction of a curve with arrows")
    group.is_modifier = True
    new = group.interface.new_socket
    new("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    new("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    add_input(group, ARROWS, "Int", "Number of arrows along the curve", 2, 8, 200)
    tip = "Length of an arrow relative to the distance to the next, where the curve's radius is 1"
    add_input(group, SIZE, "Float", tip, 0, 0.6, 10, "FACTOR")
    _add_nodes(group)
    return group


def _add_nodes(group: bpy.types.NodeTree) -> None:
    source = add_node(group, "NodeGroupInput", (0, 0)).outputs
    points = add_node(group, "GeometryNodeCurveToPoints", (1, 0), mode="COUNT")
    feed(group, points.inputs["Curve"], source["Geometry"])
    feed(group, points.inputs["Count"], source[ARROWS])
    length = add_node(group, "GeometryNodeCurveLength", (1, -3))
    feed(group, length.inputs["Curve"], source["Geometry"])
    spacing = math(group, "DIVIDE", length.outputs["Length"], source[ARROWS], (2, -3))
    size = math(group, "MULTIPLY", spacing, source[SIZE], (2.5, -3))
    rotation = add_node(group, "FunctionNodeAlignRotationToVector", (2, -1), axis="Z")
    feed(group, rotation.inputs["Vector"], points.outputs["Tangent"])
    radius = add_node(group, "GeometryNodeInputRadius", (1, -2)).outputs[0]
    arrows = add_node(group, "GeometryNodeInstanceOnPoints", (3, 0))
    feed(group, arrows.inputs["Points"], points.outputs["Points"])
    feed(group, arrows.inputs["Instance"], _arrow(group))
    feed(group, arrows.inputs["Rotation"], rotation.outputs[0])
    feed(group, arrows.inputs["Scale"], math(group, "MULTIPLY", radius, size, (2.5, -2)))
    join = add_node(group, "GeometryNodeJoinGeometry", (4, 0))
    for geometry in (arrows.outputs[0], source["Geometry"]):
        group.links.new(geometry, join.inputs[0])
    result = add_node(group, "NodeGroupOutput", (5, 0))
    group.links.new(join.outputs[0], result.inputs[0])


def _arrow(group: bpy.types.NodeTree) -> Socket:
    """Add a cone along z, one unit long."""
    cone = add_node(group, "GeometryNodeMeshCone", (2, 1))
    values = {
        "Vertices": VERTICES,
        "Radius Top": 0.0,
        "Radius Bottom": 0.5 / SLENDERNESS,
        "Depth": 1.0,
    }
    for name, value in values.items():
        cone.inputs[name].default_value = value
    return cone.outputs["Mesh"]
