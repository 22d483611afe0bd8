"""Facts that panels show: a redraw neither scans a scene's objects nor asks the disk."""

from __future__ import annotations

import os
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry.core.editable_images import OUTPAINTED, EditableImage
from make_4d.geometry.editable_images import show_editable_images
from make_4d.geometry.scene_parts import SceneError
from make_4d.jobs.layer_items import make_layer_items
from make_4d.ml.common.registry import models_for
from make_4d.panels import path_overlay, scene_facts
from make_4d.panels.session import session
from photo_files import quadrants, write
from rig_parts import made

PANELS = (
    *("", "_settings", "_layers", "_stages", "_motion"),
    *("_camera", "_models", "_objects", "_render"),
)
SCANS = ("parts_of", "guides_of", "canvas_of", "_has_still")


@pytest.fixture
def scene(addon, make_scene_data, tmp_path):
    """A 4D scene with a photo, and no facts known."""
    parts = made(make_scene_data())
    scene = bpy.context.scene
    image = EditableImage(OUTPAINTED, str(write(tmp_path / "outpainted.png", quadrants())), "base")
    show_editable_images(parts.still, (image,))
    make_layer_items(parts.still)
    scene.make_4d.photo = str(write(tmp_path / "a.png", quadrants()))
    scene.make_4d.depth_model = models_for("depth")[0].key
    bpy.context.view_layer.update()
    session().scene_facts.clear()
    session().file_facts.clear()
    return scene


@pytest.fixture
def scans(monkeypatch):
    """Names of the scans of objects and the checks of files that were made."""
    calls: list[str] = []

    def count(owner, name):
        real = getattr(owner, name)

        def counted(*args, **keywords):
            calls.append(name)
            return real(*args, **keywords)

        monkeypatch.setattr(owner, name, counted)

    for name in SCANS:
        count(scene_facts, name)
    count(scene_facts, "state_of")
    count(scene_facts.stage_states, "states")
    count(scene_facts.stage_states, "is_of_chosen_photo")
    count(path_overlay, "colored_lines")
    count(os, "stat")
    return calls


def draw_panels(scene) -> None:
    """Draw the panels of a 4D scene, and its path in the viewport."""
    system = SimpleNamespace(ui_scale=1.0, is_property_readonly=lambda name: True)
    styles = bpy.context.preferences.ui_styles
    context = SimpleNamespace(
        scene=scene,
        region=SimpleNamespace(width=9000),
        preferences=SimpleNamespace(system=system, ui_styles=styles),
    )
    for name in PANELS:
        cls = getattr(bpy.types, f"VIEW3D_PT_make_4d{name}")
        assert not hasattr(cls, "poll") or cls.poll(context)
        cls.draw(SimpleNamespace(layout=MagicMock()), context)
    path_overlay.cached_lines(scene)


def test_redrawing_neither_scans_objects_nor_checks_files(scene, scans):
    draw_panels(scene)
    assert set(scans) >= {*SCANS, "states", "state_of", "colored_lines", "stat"}
    scans.clear()
    draw_panels(scene)
    assert scans == []


@pytest.mark.parametrize("change", ["rename", "remove"])
def test_changes_of_objects_are_noticed(scene, scans, change):
    parts = scene_facts.scene_parts(scene)
    assert scene_facts.is_4d_scene(scene)
    if change == "rename":
        parts.still.name = "another name"
    else:
        bpy.data.objects.remove(parts.still)
    bpy.context.view_layer.update()
    if change == "rename":
        assert scene_facts.scene_parts(scene).still.name == "another name"
        return
    assert not scene_facts.is_4d_scene(scene)
    with pytest.raises(SceneError):
        scene_facts.scene_parts(scene)


def test_removed_object_is_noticed_before_the_next_update(scene):
    parts = scene_facts.scene_parts(scene)
    bpy.data.objects.remove(parts.target)
    assert scene_facts.scene_parts(scene).target is None


def test_changed_setting_is_noticed_at_once(scene, scans):
    scene_facts.states(scene)
    scene_facts.states(scene)
    assert scans.count("states") == 1
    scene.make_4d.layers += 1
    scene_facts.states(scene)
    assert scans.count("states") == 2


def test_undo_clears_the_facts(scene):
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.object.empty_add()
    bpy.ops.ed.undo_push(message="after")
    facts = session().scene_facts
    facts.get("key", lambda: "before")
    bpy.ops.ed.undo()
    assert facts.get("key", lambda: "after") == "after"
