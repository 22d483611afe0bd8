"""Build node trees, with inputs given as links or as plain values, and read modifiers' inputs."""

from __future__ import annotations

from typing import Any

import bpy

from ..custom_properties import ROLE, VERSION

type Socket = bpy.types.NodeSocket
COLUMN = 190.0
"""Distance of nodes in the editor."""


def add_node(
    tree: bpy.types.NodeTree, kind: str, location: tuple[float, float], **properties: Any
) -> bpy.types.Node:
    """Add a node of type `kind` and set its properties; location: column and row in the editor."""
    node = tree.nodes.new(kind)
    node.location = location[0] * COLUMN, location[1] * COLUMN
    for name, value in properties.items():
        setattr(node, name, value)
    return node


def feed(tree: bpy.types.NodeTree, socket: Socket, value: Any) -> None:
    """Link an output socket to an input socket, or set the input's value."""
    if isinstance(value, bpy.types.NodeSocket):
        tree.links.new(value, socket)
    else:
        socket.default_value = value


def math(
    tree: bpy.types.NodeTree, operation: str, a: Any, b: Any, location: tuple[float, float]
) -> Socket:
    """Add a Math node on two numbers or sockets, and return its output; b may be None."""
    node = add_node(tree, "ShaderNodeMath", location, operation=operation)
    feed(tree, node.inputs[0], a)
    if b is not None:
        feed(tree, node.inputs[1], b)
    return node.outputs[0]


def find_group(role: str, version: int) -> bpy.types.NodeTree | None:
    """Return the file's own node group with this role and version, or None."""
    for group in bpy.data.node_groups:
        if group.library is None and (group.get(ROLE), group.get(VERSION)) == (role, version):
            return group
    return None


def describe(group: bpy.types.NodeTree, role: str, version: int, description: str) -> None:
    """Store a group's role and version on it, and mark it as an asset of this file."""
    group[ROLE], group[VERSION] = role, version
    group.description = description
    group.asset_mark()
    group.asset_data.description, group.asset_data.author = description, "Make 4D"


def add_input(
    group: bpy.types.NodeTree,
    name: str,
    kind: str,
    tip: str,
    low: float,
    default: float,
    high: float,
    subtype: str = "NONE",
) -> bpy.types.NodeTreeInterfaceSocket:
    """Add a number input. It is a single value, because a field would only cost time."""
    socket = group.interface.new_socket(
        name, description=tip, in_out="INPUT", socket_type=f"NodeSocket{kind}"
    )
    if subtype != "NONE":
        socket.subtype = subtype
    socket.min_value, socket.max_value = low, high
    socket.default_value = default
    socket.structure_type = "SINGLE"
    return socket


def modifier_of(holder: bpy.types.Object, role: str) -> bpy.types.NodesModifier | None:
    """Return the object's modifier whose node group has this role, or None."""
    for modifier in holder.modifiers:
        group = modifier.node_group if modifier.type == "NODES" else None
        if group is not None and group.get(ROLE) == role:
            return modifier
    return None


def get_input(modifier: bpy.types.NodesModifier, name: str) -> Any:
    """Return the value of a modifier's input by its name in the interface; raises KeyError."""
    return getattr(modifier.properties.inputs, _identifier(modifier, name)).value


def input_path(modifier: bpy.types.NodesModifier, name: str) -> str:
    """Return the RNA path of an input's value, for keys and drivers; raises KeyError."""
    identifier = _identifier(modifier, name)
    return f'modifiers["{modifier.name}"].properties.inputs.{identifier}.value'


def set_input(
    holder: bpy.types.Object, modifier: bpy.types.NodesModifier, name: str, value: Any
) -> None:
    """Set a modifier's input by its name in the interface; raises KeyError."""
    getattr(modifier.properties.inputs, _identifier(modifier, name)).value = value
    holder.update_tag()


def _identifier(modifier: bpy.types.NodesModifier, name: str) -> str:
    """Return the identifier of an input by its name."""
    sockets = modifier.node_group.interface.items_tree
    inputs = (s for s in sockets if s.item_type == "SOCKET" and s.in_out == "INPUT")
    return {s.name: s.identifier for s in inputs}[name]
