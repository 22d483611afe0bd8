"""The node group "Make 4D Turbulence": add small eddies to a displacement.

The size of the eddies is proportional to the displacement, so a point at rest stays at rest. Loops
stay seamless, and points don't leave a motion region whose flow fades at the edge.
"""

from __future__ import annotations

from math import hypot, tau

import bpy

from .tree import Socket, add_input, add_node, describe, feed, find_group

NAME, ROLE_NAME, GROUP_VERSION = "Make 4D Turbulence", "turbulence", 1
WAVES = (
    ((1.3, 2.1, -1.7), (0.0, 2.0, 4.0)),
    ((-3.4, 1.9, 2.8), (1.0, 3.0, 5.0)),
)
"""Directions and phases of the waves that are added up. A noise texture is six times slower."""
STRENGTH = 0.6
"""Factor by which the sum of the waves gets a length of about 1."""


def turbulence_group() -> bpy.types.NodeTree:
    """Return the file's node group of this version; create it if there is none."""
    group = find_group(ROLE_NAME, GROUP_VERSION)
    if group is not None:
        return group
    group = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    describe(
        group, ROLE_NAME, GROUP_VERSION, "Add eddies to a displacement, in proportion to its length"
    )
    group.interface.new_socket("Displacement", in_out="OUTPUT", socket_type="NodeSocketVector")
    group.interface.new_socket("Displacement", in_out="INPUT", socket_type="NodeSocketVector")
    add_input(
        group, "Amount", "Float", "Size of the eddies relative to the displacement", 0, 0.2, 10
    )
    add_input(group, "Size", "Float", "Distance between eddies", 1e-4, 0.2, 1000)
    _add_nodes(group)
    return group


def add_turbulence(
    tree: bpy.types.NodeTree,
    displacement: Socket,
    amount: Socket,
    size: Socket,
    location: tuple[float, float],
) -> Socket:
    """Return the displacement with eddies; an amount of 0 costs no time."""
    call = add_node(tree, "GeometryNodeGroup", location, node_tree=turbulence_group())
    for socket, value in zip(call.inputs, (displacement, amount, size), strict=False):
        feed(tree, socket, value)
    # A switch on a single value computes only the side that it uses.
    switch = add_node(
        tree, "GeometryNodeSwitch", (location[0] + 1, location[1]), input_type="VECTOR"
    )
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
    centered = _vector(group, "ADD", first, second, (5, 2))
    length = add_node(group, "ShaderNodeVectorMath", (1, -1), operation="LENGTH")
    feed(group, length.inputs[0], displacement)
    strength = add_node(group, "ShaderNodeMath", (2, -1), operation="MULTIPLY")
    feed(group, strength.inputs[0], length.outputs["Value"])
    feed(group, strength.inputs[1], amount)
    more = add_node(group, "ShaderNodeMath", (3, -1), operation="MULTIPLY")
    feed(group, more.inputs[0], strength.outputs[0])
    feed(group, more.inputs[1], STRENGTH)
    eddy = add_node(group, "ShaderNodeVectorMath", (4, 0), operation="SCALE")
    feed(group, eddy.inputs["Vector"], centered)
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
    """Return sines of the position along directions perpendicular to `direction`."""
    mixed = _vector(group, "CROSS_PRODUCT", position, direction, (2, row))
    scaled = add_node(group, "ShaderNodeVectorMath", (3, row), operation="SCALE")
    feed(group, scaled.inputs["Vector"], mixed)
    feed(group, scaled.inputs["Scale"], turns)
    shifted = _vector(group, "ADD", scaled.outputs["Vector"], phase, (3.5, row))
    return _vector(group, "SINE", shifted, None, (4, row))


def _vector(
    group: bpy.types.NodeTree, operation: str, a: Socket, b: object, location: tuple[float, float]
) -> Socket:
    node = add_node(group, "ShaderNodeVectorMath", location, operation=operation)
    feed(group, node.inputs[0], a)
    if b is not None:
        feed(group, node.inputs[1], b)
    return node.outputs["Vector"]
