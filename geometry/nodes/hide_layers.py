"""The node group "Make 4D Hide Layers": delete the points of some of a photo's layers.

It works on any point cloud that has the attribute `layer` (integer, 0 nearest).
"""

from __future__ import annotations

import bpy

from .tree import add_node, describe, feed, find_group, modifier_of, set_input

GROUP_ROLE = "hide_layers"
VERSION = 1
NAME = "Make 4D Hide Layers"
MAX_LAYERS = 9
"""Layers that can be hidden: eight of a photo, and the sky behind them."""
_DESCRIPTION = "Hide the points of some of the photo's layers"


def hide_layers_group() -> bpy.types.NodeTree:
    """Return the file's node group of this version; create it if there is none."""
    group = find_group(GROUP_ROLE, VERSION)
    if group is not None:
        return group
    group = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    group.is_modifier = True
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    for number in range(MAX_LAYERS):
        tip = f"Hide the points of layer {number + 1}, counted from the nearest"
        group.interface.new_socket(
            input_name(number), description=tip, in_out="INPUT", socket_type="NodeSocketBool"
        ).structure_type = "SINGLE"
    _wire(group)
    describe(group, GROUP_ROLE, VERSION, _DESCRIPTION)
    return group


def input_name(layer: int) -> str:
    """Return the name of the input that hides a layer."""
    return f"Hide Layer {layer + 1}"


def set_hidden(cloud: bpy.types.Object, hidden: set[int]) -> None:
    """Hide these layers of a cloud; it has the modifier only if any layer is hidden."""
    modifier = modifier_of(cloud, GROUP_ROLE)
    if modifier is None and hidden:
        modifier = cloud.modifiers.new("Hidden Layers", "NODES")
        modifier.node_group = hide_layers_group()
        cloud.modifiers.move(len(cloud.modifiers) - 1, 0)  # hidden points aren't animated
    if modifier is None:
        return
    if not hidden:
        cloud.modifiers.remove(modifier)
        return
    for number in range(MAX_LAYERS):
        set_input(cloud, modifier, input_name(number), number in hidden)


def _wire(group: bpy.types.NodeTree) -> None:
    """Add the nodes."""
    inputs = add_node(group, "NodeGroupInput", (0, 0))
    layer = add_node(group, "GeometryNodeInputNamedAttribute", (0, -2), data_type="INT")
    layer.inputs["Name"].default_value = "layer"
    choose = add_node(group, "GeometryNodeIndexSwitch", (1, -1), data_type="BOOLEAN")
    while len(choose.index_switch_items) < MAX_LAYERS:
        choose.index_switch_items.new()
    feed(group, choose.inputs["Index"], layer.outputs["Attribute"])
    for number in range(MAX_LAYERS):
        feed(group, choose.inputs[number + 1], inputs.outputs[input_name(number)])
    delete = add_node(group, "GeometryNodeDeleteGeometry", (2, 0), domain="POINT")
    feed(group, delete.inputs["Geometry"], inputs.outputs["Geometry"])
    feed(group, delete.inputs["Selection"], choose.outputs["Output"])
    end = add_node(group, "NodeGroupOutput", (3, 0))
    feed(group, end.inputs["Geometry"], delete.outputs["Geometry"])
