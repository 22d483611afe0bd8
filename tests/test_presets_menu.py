"""Presets of the settings, saved the Blender way: saved, loaded, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.jobs.scene_settings import SHARED_SETTINGS
from make_4d.operators.presets import FOLDER, OF_THE_PHOTO
from make_4d.panels.presets import MAKE4D_PT_presets, user_folder

NAME = "Autumn Valley"
WISHES = {
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
    """The settings of an empty scene; no preset of the test stays."""
    yield bpy.context.scene.make_4d
    while found := bpy.utils.preset_find("Autumn_Valley", FOLDER):
        Path(found).unlink()


def save(settings) -> Path:
    """Save a preset of the wishes; returns its file."""
    for name, value in WISHES.items():
        setattr(settings, name, value)
    assert bpy.ops.make_4d.add_preset(name=NAME) == {"FINISHED"}
    return Path(bpy.utils.preset_find("Autumn_Valley", FOLDER))


def test_a_preset_lies_among_the_users_presets(settings):
    path = save(settings)
    assert path.parent.parts[-2:] == ("presets", "make_4d")
    folders = [Path(folder) for folder in bpy.utils.preset_paths(FOLDER)]
    assert path.parent in folders
    written = path.read_text(encoding="utf-8")
    assert all(f"own.{name} = " in written for name in SHARED_SETTINGS if name not in OF_THE_PHOTO)


def test_a_preset_brings_the_wishes_back_on_another_scene(settings):
    path = save(settings)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    other = bpy.context.scene.make_4d
    other.photo, other.field_of_view = "another.jpg", 1.0
    load = {"filepath": str(path), "menu_idname": MAKE4D_PT_presets.__name__}
    assert bpy.ops.script.execute_preset(**load) == {"FINISHED"}
    assert {name: getattr(other, name) for name in WISHES} == pytest.approx(WISHES)
    assert other.photo == "another.jpg" and other.field_of_view == pytest.approx(1.0)


def test_a_preset_of_a_quality_is_that_quality(settings):
    settings.quality = "BEST"
    assert bpy.ops.make_4d.add_preset(name=NAME) == {"FINISHED"}
    settings.quality = "DRAFT"
    path = bpy.utils.preset_find("Autumn_Valley", FOLDER)
    bpy.ops.script.execute_preset(filepath=path, menu_idname=MAKE4D_PT_presets.__name__)
    assert settings.quality == "BEST"


def test_a_preset_is_removed(settings):
    path = save(settings)
    assert bpy.ops.make_4d.add_preset(name=path.stem, remove_name=True) == {"FINISHED"}
    assert not path.exists()


def test_a_name_is_not_taken_twice(settings):
    path = save(settings)
    before = path.read_text(encoding="utf-8")
    settings.size = 64
    assert bpy.ops.make_4d.add_preset(name=NAME) == {"CANCELLED"}
    assert path.read_text(encoding="utf-8") == before


def test_the_menu_names_operators_that_exist(addon):
    assert MAKE4D_PT_presets.preset_add_operator == "make_4d.add_preset"
    assert hasattr(bpy.types, "MAKE_4D_OT_add_preset")
    assert MAKE4D_PT_presets.preset_subdir == FOLDER


def test_the_menu_is_empty_before_the_first_preset(addon):
    folder = Path(user_folder())
    assert folder.parts[-2:] == ("presets", FOLDER)
    assert folder in [Path(place) for place in bpy.utils.preset_paths(FOLDER)]
