"""The clouds' material for Blender's own engines, EEVEE and Cycles: stored color as emission."""

from __future__ import annotations

import bpy

from .clouds import COLOR
from .core.camera import FloatArray
from .nodes.animate import WEIGHT
from .nodes.tree import add_node, math


def make_material(name: str, color: FloatArray, moving: bool) -> bpy.types.Material:
    """Create a material that emits the attribute `Color`.

    Args:
        name: Name of the material.
        color: Scene-linear RGBA (P, 4) of the points. Solid display, which can't show attributes
            of points, uses the mean.
        moving: Whether copies fade with their weight.
    """
    material = bpy.data.materials.new(name)
    if len(color):
        material.diffuse_color = color.mean(axis=0)
    tree = material.node_tree
    tree.nodes.clear()
    stored = add_node(
        tree, "ShaderNodeAttribute", (0, 0), attribute_type="GEOMETRY", attribute_name=COLOR
    )
    emission = add_node(tree, "ShaderNodeEmission", (2, 0))
    tree.links.new(stored.outputs["Color"], emission.inputs["Color"])
    shader = _faded(tree, emission.outputs[0]) if moving else emission.outputs[0]
    output = add_node(tree, "ShaderNodeOutputMaterial", (4, 0))
    tree.links.new(shader, output.inputs["Surface"])
    return material


def _faded(tree: bpy.types.NodeTree, shader: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """Give a shader the opacity min(1, 2 * weight).

    At any time one of the two copies is opaque, so there are no holes; at the ends of the loop the
    other one appears or disappears while it is transparent.
    """
    weight = add_node(
        tree, "ShaderNodeAttribute", (0, -1), attribute_type="GEOMETRY", attribute_name=WEIGHT
    )
    opacity = math(tree, "MULTIPLY", weight.outputs["Fac"], 2.0, (1, -1))
    opacity.node.use_clamp = True
    clear = add_node(tree, "ShaderNodeBsdfTransparent", (2, 1))
    mix = add_node(tree, "ShaderNodeMixShader", (3, 0))
    tree.links.new(opacity, mix.inputs[0])
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(shader, mix.inputs[2])
    return mix.outputs[0]
