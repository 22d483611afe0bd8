"""The 4D scene's compositor: the scene's image and the objects' image joined by depth.

The artist's own nodes stay. The joining group is inserted directly after the Render Layers node of
the 4D scene, so that everything after it works on the joined image.
"""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from .core.render_passes import DEPTH
from .custom_properties import ROLE
from .nodes import depth_over
from .nodes.tree import add_node

RENDER_LAYERS = "CompositorNodeRLayers"
LINKED = "The compositor's node tree {name} is linked from another file. Make it local first."
SHARED = "Other scenes use the node tree {name}. Make a copy for this scene first."
SOURCES = (
    "The compositor uses {count} Render Layers nodes of this scene. To join objects, exactly one "
    "must be used."
)


def compositor_problem(scene: bpy.types.Scene) -> str:
    """A sentence on why the group can't be inserted into a compositor; empty if it can."""
    tree = scene.compositing_node_group
    if tree is None or joining_node(tree) is not None:
        return ""
    if tree.library or tree.override_library:
        return rpt_(LINKED).format(name=tree.name)
    if any(other.compositing_node_group == tree for other in bpy.data.scenes if other != scene):
        return rpt_(SHARED).format(name=tree.name)
    sources = _photo_nodes(scene, tree)
    if len(sources) != 1:
        return rpt_(SOURCES).format(count=len(sources))
    return ""


def joining_node(tree: bpy.types.NodeTree) -> bpy.types.Node | None:
    """The node of a compositor that joins the two images; None if it has none."""
    groups = (n for n in tree.nodes if n.type == "GROUP" and n.node_tree)
    return next((n for n in groups if n.node_tree.get(ROLE) == depth_over.GROUP_ROLE), None)


def join_objects(scene: bpy.types.Scene, objects: bpy.types.Scene) -> None:
    """Join the image of the scene `objects` to a scene's own in its compositor.

    Makes a compositor if the scene has none, and adds the group to one in which
    `compositor_problem` finds no problem. If the group is there already, its missing links are
    restored.
    """
    scene.render.use_compositing = True
    for layer in scene.view_layers:
        DEPTH.enable(layer)
    tree = scene.compositing_node_group or _new_compositor(scene)
    group = joining_node(tree) or _insert(scene, tree)
    _connect_objects(tree, group, objects)


def _photo_nodes(scene: bpy.types.Scene, tree: bpy.types.NodeTree) -> list[bpy.types.Node]:
    """Render Layers nodes of the scene whose image is used."""
    nodes = [n for n in tree.nodes if n.bl_idname == RENDER_LAYERS and n.scene == scene]
    return [node for node in nodes if node.outputs["Image"].is_linked]


def _new_compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """A compositor that outputs the scene's image unchanged."""
    tree = bpy.data.node_groups.new(f"{scene.name} Compositing", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    photo = add_node(tree, RENDER_LAYERS, (0, 0))
    photo.scene = scene
    output = add_node(tree, "NodeGroupOutput", (4, 0))
    tree.links.new(photo.outputs["Image"], output.inputs["Image"])
    scene.compositing_node_group = tree
    return tree


def _insert(scene: bpy.types.Scene, tree: bpy.types.NodeTree) -> bpy.types.Node:
    """Insert the group between the scene's Render Layers node and what uses its image."""
    (photo,) = _photo_nodes(scene, tree)
    users = [link.to_socket for link in photo.outputs["Image"].links]
    group = add_node(tree, "CompositorNodeGroup", (0, 0), node_tree=depth_over.depth_over_group())
    group.location = photo.location.x + 1.5 * photo.width, photo.location.y
    group.width = 200.0
    _refresh(photo)
    tree.links.new(photo.outputs["Image"], group.inputs[depth_over.PHOTO])
    tree.links.new(photo.outputs[DEPTH.name], group.inputs[depth_over.PHOTO_DEPTH])
    for socket in users:
        tree.links.new(group.outputs["Image"], socket)
    return group


def _connect_objects(
    tree: bpy.types.NodeTree, group: bpy.types.Node, objects: bpy.types.Scene
) -> None:
    """Link the group to the Render Layers node of the objects' scene, made if there is none."""
    nodes = [n for n in tree.nodes if n.bl_idname == RENDER_LAYERS]
    orphans = [n for n in nodes if n.scene is None]
    source = next((n for n in nodes if n.scene == objects), orphans[0] if orphans else None)
    if source is None:
        source = add_node(tree, RENDER_LAYERS, (0, 0))
        source.location = group.location.x - 1.5 * source.width, group.location.y - 420.0
    source.scene = objects
    _refresh(source)
    for output, name in (("Image", depth_over.OBJECTS), (DEPTH.name, depth_over.OBJECTS_DEPTH)):
        if not group.inputs[name].is_linked:
            tree.links.new(source.outputs[output], group.inputs[name])


def _refresh(node: bpy.types.Node) -> None:
    """Give a Render Layers node the outputs of passes that have just been enabled."""
    node.scene = node.scene
