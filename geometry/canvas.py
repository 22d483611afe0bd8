"""The canvas on which the artist paints motion regions: a relief of the photo.

It exists only while the artist paints. In Material Preview, its material shows the photo's colors
with the motion regions in red; its UV map covers the image of the motion regions, which is painted.
"""

from __future__ import annotations

import bpy
import numpy as np

from .core.camera import Intrinsics, blender_from_camera, unproject
from .custom_properties import mark
from .nodes.tree import add_node
from .photo_view import PhotoView

CANVAS_ROLE = "canvas"
NAME = "Make 4D Canvas"
STEP = 2
"""Pixels of the outpainted photo between neighboring vertices."""
TINT = (0.8, 0.02, 0.02, 1.0)
"""Color of the motion regions, scene-linear RGBA."""
TINT_STRENGTH = 0.55
"""Opacity of the tint over the photo."""


def make_canvas(view: PhotoView, lens: Intrinsics, image: bpy.types.Image) -> bpy.types.Object:
    """Create the canvas, in no collection and hidden in renders, in the clouds' own frame.

    Args:
        view: What the photo's camera sees.
        lens: Intrinsics of the outpainted photo.
        image: Image of the motion regions.
    """
    rows = np.unique(np.append(np.arange(0, lens.height, STEP), lens.height - 1))
    columns = np.unique(np.append(np.arange(0, lens.width, STEP), lens.width - 1))
    x, y = np.meshgrid(columns + 0.5, rows + 0.5)
    depth = view.depth[rows][:, columns]
    pixels = np.stack([x, y], -1).astype(np.float32)
    mesh = _grid(blender_from_camera(unproject(pixels, depth, lens)))
    loops = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", loops)
    uv = np.stack([x / lens.width, 1.0 - y / lens.height], -1).reshape(-1, 2)
    layer = mesh.uv_layers.new(name="Photo")
    layer.uv.foreach_set("vector", uv[loops].astype(np.float32).ravel())
    rgba = np.ones((*depth.shape, 4), np.float32)
    rgba[..., :3] = view.color[rows][:, columns]
    mesh.color_attributes.new("Color", "FLOAT_COLOR", "POINT").data.foreach_set(
        "color", rgba.ravel()
    )
    mesh.materials.append(_material(image))
    canvas = bpy.data.objects.new(NAME, mesh)
    canvas.hide_render = True
    mark(canvas, CANVAS_ROLE)
    return canvas


def remove_canvas(canvas: bpy.types.Object) -> None:
    """Remove the canvas with its mesh and material, but not the image."""
    mesh = canvas.data
    materials = list(mesh.materials)
    bpy.data.objects.remove(canvas)
    bpy.data.batch_remove([mesh, *materials])


def _grid(vertices: np.ndarray) -> bpy.types.Mesh:
    """Create a mesh of quads through a grid of vertices (h, w, 3), facing the photo's camera."""
    height, width = vertices.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    corners = (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])
    faces = np.stack(corners, -1).reshape(-1, 4)
    mesh = bpy.data.meshes.new(NAME)
    mesh.from_pydata(vertices.reshape(-1, 3), [], faces)
    return mesh


def _material(image: bpy.types.Image) -> bpy.types.Material:
    material = bpy.data.materials.new(NAME)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    photo = add_node(tree, "ShaderNodeVertexColor", (0, 0), layer_name="Color")
    moves = add_node(tree, "ShaderNodeTexImage", (0, 1), image=image)
    strength = add_node(tree, "ShaderNodeMath", (1, 1), operation="MULTIPLY")
    strength.inputs[1].default_value = TINT_STRENGTH
    mix = add_node(tree, "ShaderNodeMix", (2, 0), data_type="RGBA")
    sockets = {s.identifier: s for s in mix.inputs}
    emit = add_node(tree, "ShaderNodeEmission", (3, 0))
    output = add_node(tree, "ShaderNodeOutputMaterial", (4, 0))
    sockets["B_Color"].default_value = TINT
    links = (
        (moves.outputs["Color"], strength.inputs[0]),
        (strength.outputs[0], sockets["Factor_Float"]),
        (photo.outputs["Color"], sockets["A_Color"]),
        ({s.identifier: s for s in mix.outputs}["Result_Color"], emit.inputs["Color"]),
        (emit.outputs[0], output.inputs["Surface"]),
    )
    for start, end in links:
        tree.links.new(start, end)
    tree.nodes.active = moves
    return material
