"""Presets of the scene settings: saved, loaded, removed as Blender's own."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.jobs.scene_settings import SHARED_SETTINGS
from make_4d.operators.presets import FOLDER, OF_THE_PHOTO
from make_4d.panels.presets import MAKE4D_PT_presets, user_folder

NAME = "Autumn Valley"
VALUES = {
    "size": 700,
    "frames": 90,
    "fly": "out",
    "motion": False,
    "prompt": "a 'valley' in autumn",
    "inpaint_model": "sd2-inpaint",
    "strength": 0.5,
}


@pytest.fixture
def settings(addon, empty_blend):
    """The settings of an empty scene; the preset of the test is removed afterward."""
    yield bpy.context.scene.make_4d
    while path := bpy.utils.preset_find("Autumn_Valley", FOLDER):
        Path(path).unlink()


def save(settings) -> Path:
    """Save a preset of VALUES; returns its file."""
    for name, value in VALUES.items():
        setattr(settings, name, value)
    assert bpy.ops.make_4d.add_preset(name=NAME) == {"FINISHED"}
    return Path(bpy.utils.preset_find("Autumn_Valley", FOLDER))


def test_preset_is_saved_with_the_users_presets(settings):
    path = save(settings)
    assert path.parent.parts[-2:] == ("presets", "make_4d")
    folders = [Path(folder) for folder in bpy.utils.preset_paths(FOLDER)]
    assert path.parent in folders
    written = path.read_text(encoding="utf-8")
    assert all(f"own.{name} = " in written for name in SHARED_SETTINGS if name not in OF_THE_PHOTO)


def test_preset_restores_settings_in_another_scene(settings):
    path = save(settings)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    other = bpy.context.scene.make_4d
    other.photo, other.field_of_view = "another.jpg", 1.0
    load = {"filepath": str(path), "menu_idname": MAKE4D_PT_presets.__name__}
    assert bpy.ops.script.execute_preset(**load) == {"FINISHED"}
    assert {name: getattr(other, name) for name in VALUES} == pytest.approx(VALUES)
    assert other.photo == "another.jpg" and other.field_of_view == pytest.approx(1.0)


def test_preset_restores_quality(settings):
    settings.quality = "BEST"
    assert bpy.ops.make_4d.add_preset(name=NAME) == {"FINISHED"}
    settings.quality = "DRAFT"
    path = bpy.utils.preset_find("Autumn_Valley", FOLDER)
    bpy.ops.script.execute_preset(filepath=path, menu_idname=MAKE4D_PT_presets.__name__)
    assert settings.quality == "BEST"


def test_preset_is_removed(settings):
    path = save(settings)
    assert bpy.ops.make_4d.add_preset(name=path.stem, remove_name=True) == {"FINISHED"}
    assert not path.exists()


def test_existing_name_is_refused(settings):
    path = save(settings)
    before = path.read_text(encoding="utf-8")
    settings.size = 64
    assert bpy.ops.make_4d.add_preset(name=NAME) == {"CANCELLED"}
    assert path.read_text(encoding="utf-8") == before


def test_menu_operators_exist(addon):
    assert MAKE4D_PT_presets.preset_add_operator == "make_4d.add_preset"
    assert hasattr(bpy.types, "MAKE_4D_OT_add_preset")
    assert MAKE4D_PT_presets.preset_subdir == FOLDER


def test_menu_is_empty_before_the_first_preset(addon):
    folder = Path(user_folder())
    assert folder.parts[-2:] == ("presets", FOLDER)
    assert folder in [Path(path) for path in bpy.utils.preset_paths(FOLDER)]
