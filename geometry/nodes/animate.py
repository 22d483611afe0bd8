"""The node group "Make 4D Animate": move a cloud in a loop along its stored displacements.

3D symmetric animation (3D Cinemagraphy, section 3.4; paper, section 3.3): at frame t of a loop of N
frames, a forward copy of each point is displaced by D_0->t and a backward copy by D_0->-(N - t).
The renderer mixes images of both by the attribute `weight`, so the loop is seamless: at t = 0 there
are only forward copies, at their positions in the photo.

Displacements are stored at K key times. The tree computes the *names* of the two attributes around
t and mixes these attributes. It has no state, so frames can be rendered in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..clouds import BACKWARD_PREFIX, BACKWARD_START, COLOR, FORWARD_END, FORWARD_PREFIX
from ..core.scene_data import KEY_TIMES
from .tree import Socket, add_input, add_node, describe, feed, find_group, math, set_input
from .turbulence import add_turbulence

NAME, ROLE_NAME = "Make 4D Animate", "animate"
GROUP_VERSION = 2
"""Rises when the tree changes; files with an older group keep it."""
WEIGHT, BACKWARD = "weight", "backward"
"""Attributes of the copies: weight in the mix, and which copy it is."""
LOOP_LENGTH, SPEED, STRENGTH, REVERSE = "Loop Length", "Speed", "Strength", "Reverse"
TURBULENCE, EDDY_SIZE, PHASE = "Turbulence", "Eddy Size", "Phase"
FADE, CORRECTION = "Fade at Border", "Time Correction"
FADE_FRACTION = 0.1
"""Fraction of the loop over which a point fades before it leaves the outpainted photo."""


@dataclass(frozen=True)
class LoopTime:
    """Sockets that describe the time.

    Attributes:
        phase: Phase t/N of the loop.
        key, next_key: Numbers of the key times before and after t.
        fraction: Fraction of the interval between them that has passed.
    """

    phase: Socket
    key: Socket
    next_key: Socket
    fraction: Socket


def add_animation(cloud: bpy.types.Object, loop_frames: int) -> bpy.types.NodesModifier:
    """Add the modifier that animates a cloud in a loop of `loop_frames` frames."""
    modifier = cloud.modifiers.new(NAME, "NODES")
    modifier.node_group = animate_group()
    set_input(cloud, modifier, LOOP_LENGTH, loop_frames)
    set_input(cloud, modifier, FADE, FORWARD_END in cloud.data.attributes)
    return modifier


def animate_group() -> bpy.types.NodeTree:
    """Return the file's node group of this version; create it if there is none."""
    group = find_group(ROLE_NAME, GROUP_VERSION)
    if group is not None:
        return group
    group = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    text = "Move points along their stored displacements in a seamless loop"
    describe(group, ROLE_NAME, GROUP_VERSION, text)
    group.is_modifier = True
    _add_sockets(group)
    _add_nodes(group)
    return group


def _add_sockets(group: bpy.types.NodeTree) -> None:
    """Add the inputs and the output."""
    new = group.interface.new_socket
    new("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    new("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    tip = "Frames after which the motion repeats. A longer loop runs more slowly"
    add_input(group, LOOP_LENGTH, "Int", tip, 1, 60, 100_000)
    tip = "Speed of the motion: 2 is twice as fast, 0 stands still, negative values run backward"
    add_input(group, SPEED, "Float", tip, -100, 1, 100)
    tip = "How far points move: 0 is not at all, 1 is as estimated"
    add_input(group, STRENGTH, "Float", tip, 0, 1, 10)
    _add_switch(group, REVERSE, "Run the motion backward, like a film played in reverse")
    tip = "Size of eddies relative to the motion: 0 flows smoothly, 1 boils"
    add_input(group, TURBULENCE, "Float", tip, 0, 0, 10, "FACTOR")
    tip = "Distance between eddies"
    add_input(group, EDDY_SIZE, "Float", tip, 1e-4, 0.2, 1000, "DISTANCE")
    tip = "Phase of the loop at the first frame: 0.5 starts in the middle"
    add_input(group, PHASE, "Float", tip, -1, 0, 1, "FACTOR")
    _add_switch(group, FADE, "Fade points that move out of the outpainted photo")
    tip = "In loops; set by the add-on if speed, loop length or direction are keyed"
    add_input(group, CORRECTION, "Float", tip, -1e6, 0, 1e6).hide_in_modifier = True


def _add_switch(group: bpy.types.NodeTree, name: str, tip: str) -> None:
    """Add a Boolean input."""
    socket = group.interface.new_socket(
        name, description=tip, in_out="INPUT", socket_type="NodeSocketBool"
    )
    socket.structure_type = "SINGLE"


def _add_nodes(group: bpy.types.NodeTree) -> None:
    """Add the nodes: two displaced copies, joined."""
    source = add_node(group, "NodeGroupInput", (0, 0)).outputs
    time = _loop_time(group, source)
    rest = math(group, "SUBTRACT", 1.0, time.phase, (8, 2))
    geometry = source["Geometry"]
    copies = []
    for row, prefix, weight in ((1, FORWARD_PREFIX, rest), (-2, BACKWARD_PREFIX, time.phase)):
        motion = _displacement(group, prefix, time, source[STRENGTH], row)
        amount, size = source[TURBULENCE], source[EDDY_SIZE]
        offset = add_turbulence(group, motion, amount, size, (11.2, row - 2))
        is_backward = prefix == BACKWARD_PREFIX
        faded = _faded(group, geometry, source[FADE], time.phase, is_backward, row)
        moved = _displaced(group, faded, offset, weight, row)
        copies.append(_stored(group, moved, BACKWARD, "BOOLEAN", is_backward, row))
    copies[1] = _unless_start(group, copies[1], time.phase)
    join = add_node(group, "GeometryNodeJoinGeometry", (15, 0))
    for copy in reversed(copies):  # the last link becomes the first input
        group.links.new(copy, join.inputs[0])
    result = add_node(group, "NodeGroupOutput", (16, 0))
    group.links.new(join.outputs[0], result.inputs[0])


def _loop_time(group: bpy.types.NodeTree, source: Any) -> LoopTime:
    """Compute the phase, which is loops since the first frame modulo 1, and its key times."""
    frame = add_node(group, "GeometryNodeInputSceneTime", (0, 3)).outputs["Frame"]
    played = math(group, "SUBTRACT", frame, 1.0, (1, 3))
    back = math(group, "MULTIPLY_ADD", source[REVERSE], -2.0, (1, 4))
    back.node.inputs[2].default_value = 1.0
    speed = math(group, "MULTIPLY", source[SPEED], back, (2, 4))
    scaled = math(group, "MULTIPLY", played, speed, (2, 3))
    loops = math(group, "DIVIDE", scaled, source[LOOP_LENGTH], (3, 3))
    later = math(group, "ADD", source[PHASE], source[CORRECTION], (3, 4))
    total = math(group, "ADD", loops, later, (4, 3))
    phase = math(group, "FLOORED_MODULO", total, 1.0, (4.5, 3))
    position = math(group, "MULTIPLY", phase, float(KEY_TIMES), (5, 3))
    key = math(group, "FLOOR", position, None, (6, 3))
    fraction = math(group, "SUBTRACT", position, key, (7, 3))
    return LoopTime(phase, key, math(group, "ADD", key, 1.0, (7, 4)), fraction)


def _displacement(
    group: bpy.types.NodeTree, prefix: str, time: LoopTime, strength: Socket, row: float
) -> Socket:
    """Return the stored displacement at t, linear between key times, times the strength.

    There is no fwd_0 and no bwd_K: attributes that don't exist are read as zero, which is the
    displacement at these times.
    """
    mix = add_node(group, "ShaderNodeMix", (10, row), data_type="VECTOR")
    sockets = {s.identifier: s for s in mix.inputs}
    feed(group, sockets["Factor_Float"], time.fraction)
    for column, (socket, key) in enumerate((("A_Vector", time.key), ("B_Vector", time.next_key))):
        name = _attribute_name(group, prefix, key, row - column)
        read = add_node(
            group, "GeometryNodeInputNamedAttribute", (9, row - column), data_type="FLOAT_VECTOR"
        )
        feed(group, read.inputs["Name"], name)
        feed(group, sockets[socket], read.outputs["Attribute"])
    scale = add_node(group, "ShaderNodeVectorMath", (11, row - 1), operation="SCALE")
    mixed = {s.identifier: s for s in mix.outputs}["Result_Vector"]
    feed(group, scale.inputs["Vector"], mixed)
    feed(group, scale.inputs["Scale"], strength)
    return scale.outputs["Vector"]


def _attribute_name(group: bpy.types.NodeTree, prefix: str, key: Socket, row: float) -> Socket:
    """Return the string "prefix_key"."""
    number = add_node(group, "FunctionNodeValueToString", (7, row))
    feed(group, number.inputs["Value"], key)
    text = add_node(group, "FunctionNodeInputString", (7, row - 0.5), string=f"{prefix}_")
    join = add_node(group, "GeometryNodeStringJoin", (8, row))
    # The last link becomes the first input.
    for part in (number.outputs[0], text.outputs[0]):
        group.links.new(part, join.inputs["Strings"])
    return join.outputs[0]


def _displaced(
    group: bpy.types.NodeTree, geometry: Socket, offset: Socket, weight: Socket, row: float
) -> Socket:
    """Move a geometry by `offset`, remove the stored displacements, and store its `weight`."""
    move = add_node(group, "GeometryNodeSetPosition", (11, row))
    feed(group, move.inputs["Geometry"], geometry)
    feed(group, move.inputs["Offset"], offset)
    moved = move.outputs["Geometry"]
    for column, prefix in enumerate((FORWARD_PREFIX, BACKWARD_PREFIX)):
        remove = add_node(group, "GeometryNodeRemoveAttribute", (12 + column / 3, row))
        remove.inputs["Pattern Mode"].default_value = "Wildcard"
        remove.inputs["Name"].default_value = f"{prefix}_*"
        feed(group, remove.inputs["Geometry"], moved)
        moved = remove.outputs["Geometry"]
    return _stored(group, moved, WEIGHT, "FLOAT", weight, row - 1)


def _faded(
    group: bpy.types.NodeTree,
    geometry: Socket,
    fade: Socket,
    phase: Socket,
    is_backward: bool,
    row: float,
) -> Socket:
    """Reduce the opacity of copies that are about to leave, or have just entered."""
    name = BACKWARD_START if is_backward else FORWARD_END
    lifetime = add_node(
        group, "GeometryNodeInputNamedAttribute", (12.6, row + 2), data_type="FLOAT"
    )
    lifetime.inputs["Name"].default_value = name
    ends = (
        (phase, lifetime.outputs["Attribute"])
        if is_backward
        else (lifetime.outputs["Attribute"], phase)
    )
    left = math(group, "SUBTRACT", *ends, (12.8, row + 2))
    clear = math(group, "DIVIDE", left, FADE_FRACTION, (13, row + 2))
    clear.node.use_clamp = True
    color = add_node(
        group, "GeometryNodeInputNamedAttribute", (12.6, row + 3), data_type="FLOAT_COLOR"
    )
    color.inputs["Name"].default_value = COLOR
    apart = add_node(group, "FunctionNodeSeparateColor", (12.8, row + 3))
    feed(group, apart.inputs[0], color.outputs["Attribute"])
    together = add_node(group, "FunctionNodeCombineColor", (13.2, row + 3))
    for channel in range(3):
        feed(group, together.inputs[channel], apart.outputs[channel])
    feed(group, together.inputs[3], math(group, "MULTIPLY", apart.outputs[3], clear, (13, row + 3)))
    stored = _stored(group, geometry, COLOR, "FLOAT_COLOR", together.outputs[0], row + 1)
    switch = add_node(group, "GeometryNodeSwitch", (13.6, row + 1), input_type="GEOMETRY")
    feed(group, switch.inputs["Switch"], fade)
    feed(group, switch.inputs["False"], geometry)
    feed(group, switch.inputs["True"], stored)
    return switch.outputs["Output"]


def _unless_start(group: bpy.types.NodeTree, geometry: Socket, phase: Socket) -> Socket:
    """Return the geometry, or nothing at phase 0: other engines would draw copies of weight 0."""
    switch = add_node(group, "GeometryNodeSwitch", (14, -2), input_type="GEOMETRY")
    feed(group, switch.inputs["Switch"], phase)  # a number above 0 is true
    feed(group, switch.inputs["True"], geometry)
    return switch.outputs["Output"]


def _stored(
    group: bpy.types.NodeTree, geometry: Socket, name: str, kind: str, value: Any, row: float
) -> Socket:
    """Store `value` as the attribute `name` of all points."""
    node = add_node(group, "GeometryNodeStoreNamedAttribute", (13, row), data_type=kind)
    node.inputs["Name"].default_value = name
    feed(group, node.inputs["Geometry"], geometry)
    feed(group, node.inputs["Value"], value)
    return node.outputs["Geometry"]
