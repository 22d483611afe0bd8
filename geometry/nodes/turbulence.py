"""The node group "Make 4D Turbulence": small eddies added to a displacement.

The eddies are as large as a share of the displacement itself, so a point at rest stays at rest: a
loop keeps its seamless ends, and nothing leaves a region at whose edge the flow has faded.
"""

from __future__ import annotations

from math import hypot, tau

import bpy

from .tree import Socket, add_input, add_node, described, existing, feed

NAME, ROLE_NAME, GROUP_VERSION = "Make 4D Turbulence", "turbulence", 1
WAVES = (
    ((1.3, 2.1, -1.7), (0.0, 2.0, 4.0)),
    ((-3.4, 1.9, 2.8), (1.0, 3.0, 5.0)),
)
"""Directions and phases of the waves that are added up; a noise texture takes six times as long."""
STRENGTH = 0.6
"""By this factor the sum of the waves is about 1 long."""


def turbulence_group() -> bpy.types.NodeTree:
    """The file's node group of this version, made where there is none."""
    found = existing(ROLE_NAME, GROUP_VERSION)
    if found is not None:
        return found
    group = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    described(group, ROLE_NAME, GROUP_VERSION, "Adds eddies to a displacement, none where it is 0")
    group.interface.new_socket("Displacement", in_out="OUTPUT", socket_type="NodeSocketVector")
    group.interface.new_socket("Displacement", in_out="INPUT", socket_type="NodeSocketVector")
    add_input(group, "Amount", "Float", "Size of the eddies beside the way itself", 0, 0.2, 10)
    add_input(group, "Size", "Float", "Distance from one eddy to the next", 1e-4, 0.2, 1000)
    _add_nodes(group)
    return group


def add_turbulence(
    tree: bpy.types.NodeTree,
    displacement: Socket,
    amount: Socket,
    size: Socket,
    place: tuple[float, float],
) -> Socket:
    """The displacement with eddies; nothing is computed for an amount of 0."""
    call = add_node(tree, "GeometryNodeGroup", place, node_tree=turbulence_group())
    for socket, value in zip(call.inputs, (displacement, amount, size), strict=False):
        feed(tree, socket, value)
    # A switch on one value for all points computes only the side that it takes.
    switch = add_node(tree, "GeometryNodeSwitch", (place[0] + 1, place[1]), input_type="VECTOR")
    feed(tree, switch.inputs["Switch"], amount)  # a number above 0 is true
    feed(tree, switch.inputs["False"], displacement)
    feed(tree, switch.inputs["True"], call.outputs[0])
    return switch.outputs["Output"]


def _add_nodes(group: bpy.types.NodeTree) -> None:
    source = add_node(group, "NodeGroupInput", (0, 0))
    displacement, amount, size = (source.outputs[i] for i in range(3))
    position = add_node(group, "GeometryNodeInputPosition", (0, 1)).outputs[0]
    turns = add_node(group, "ShaderNodeMath", (1, 1), operation="DIVIDE")
    feed(group, turns.inputs[0], tau / hypot(*WAVES[0][0]))
    feed(group, turns.inputs[1], size)
    first, second = (
        _wave(group, position, turns.outputs[0], *wave, 2.0 + k) for k, wave in enumerate(WAVES)
    )
    centerd = _vector(group, "ADD", first, second, (5, 2))
    length = add_node(group, "ShaderNodeVectorMath", (1, -1), operation="LENGTH")
    feed(group, length.inputs[0], displacement)
    strength = add_node(group, "ShaderNodeMath", (2, -1), operation="MULTIPLY")
    feed(group, strength.inputs[0], length.outputs["Value"])
    feed(group, strength.inputs[1], amount)
    more = add_node(group, "ShaderNodeMath", (3, -1), operation="MULTIPLY")
    feed(group, more.inputs[0], strength.outputs[0])
    feed(group, more.inputs[1], STRENGTH)
    eddy = add_node(group, "ShaderNodeVectorMath", (4, 0), operation="SCALE")
    feed(group, eddy.inputs["Vector"], centerd)
    feed(group, eddy.inputs["Scale"], more.outputs[0])
    total = _vector(group, "ADD", displacement, eddy.outputs["Vector"], (5, 0))
    result = add_node(group, "NodeGroupOutput", (6, 0))
    group.links.new(total, result.inputs[0])


def _wave(
    group: bpy.types.NodeTree,
    position: Socket,
    turns: Socket,
    direction: tuple[float, float, float],
    phase: tuple[float, float, float],
    row: float,
) -> Socket:
    """Sines of the position, each along another direction across `direction`."""
    mixed = _vector(group, "CROSS_PRODUCT", position, direction, (2, row))
    scaled = add_node(group, "ShaderNodeVectorMath", (3, row), operation="SCALE")
    feed(group, scaled.inputs["Vector"], mixed)
    feed(group, scaled.inputs["Scale"], turns)
    shifted = _vector(group, "ADD", scaled.outputs["Vector"], phase, (3.5, row))
    return _vector(group, "SINE", shifted, None, (4, row))


def _vector(
    group: bpy.types.NodeTree, operation: str, a: Socket, b: object, place: tuple[float, float]
) -> Socket:
    node = add_node(group, "ShaderNodeVectorMath", place, operation=operation)
    feed(group, node.inputs[0], a)
    if b is not None:
        feed(group, node.inputs[1], b)
    return node.outputs["Vector"]
