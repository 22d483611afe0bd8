"""The node group that hides layers of a photo: their points are left out of the cloud.

It needs the attribute `layer` (integer, 0 nearest) and works on any point cloud that has it.
"""

from __future__ import annotations

import bpy

from .tree import add_node, described, existing, feed, modifier_of, set_input

GROUP_ROLE = "hide_layers"
VERSION = 1
NAME = "Make 4D Hide Layers"
MOST = 9
"""Layers that can be hidden: eight of a photo, and the sky behind them."""
_DESCRIPTION = "Leave the points of some of the photo's layers out"


def hide_layers_group() -> bpy.types.NodeTree:
    """The node group, made if the file has none of this version."""
    found = existing(GROUP_ROLE, VERSION)
    if found is not None:
        return found
    group = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    group.is_modifier = True
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    for number in range(MOST):
        tip = f"Leave out the points of layer {number + 1}, counted from the nearest"
        group.interface.new_socket(
            input_name(number), description=tip, in_out="INPUT", socket_type="NodeSocketBool"
        ).structure_type = "SINGLE"
    _wire(group)
    described(group, GROUP_ROLE, VERSION, _DESCRIPTION)
    return group


def input_name(layer: int) -> str:
    """Name of the input that hides a layer."""
    return f"Hide Layer {layer + 1}"


def set_hidden(cloud: bpy.types.Object, hidden: set[int]) -> None:
    """Hide some of a cloud's layers; the modifier is there only where any is hidden."""
    modifier = modifier_of(cloud, GROUP_ROLE)
    if modifier is None and hidden:
        modifier = cloud.modifiers.new("Hidden Layers", "NODES")
        modifier.node_group = hide_layers_group()
        cloud.modifiers.move(len(cloud.modifiers) - 1, 0)  # what is hidden need not be moved
    if modifier is None:
        return
    if not hidden:
        cloud.modifiers.remove(modifier)
        return
    for number in range(MOST):
        set_input(cloud, modifier, input_name(number), number in hidden)


def _wire(group: bpy.types.NodeTree) -> None:
    given = add_node(group, "NodeGroupInput", (0, 0))
    layer = add_node(group, "GeometryNodeInputNamedAttribute", (0, -2), data_type="INT")
    layer.inputs["Name"].default_value = "layer"
    choose = add_node(group, "GeometryNodeIndexSwitch", (1, -1), data_type="BOOLEAN")
    while len(choose.index_switch_items) < MOST:
        choose.index_switch_items.new()
    feed(group, choose.inputs["Index"], layer.outputs["Attribute"])
    for number in range(MOST):
        feed(group, choose.inputs[number + 1], given.outputs[input_name(number)])
    delete = add_node(group, "GeometryNodeDeleteGeometry", (2, 0), domain="POINT")
    feed(group, delete.inputs["Geometry"], given.outputs["Geometry"])
    feed(group, delete.inputs["Selection"], choose.outputs["Output"])
    end = add_node(group, "NodeGroupOutput", (3, 0))
    feed(group, end.inputs["Geometry"], delete.outputs["Geometry"])
