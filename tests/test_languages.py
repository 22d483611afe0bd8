"""The interface in other languages: language files may be partial, but what they say must fit."""

from __future__ import annotations

import ast
import json
import warnings

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from interface_texts import fields, has_words, missing, stale, texts
from make_4d.ml.common.registry import MODELS
from make_4d.panels import languages

INHERITED = ("rna_type", "name", "properties", "has_reports", "layout", "options", "macros")
"""Properties that every operator or property group has from Blender."""


@pytest.fixture
def german(addon):
    """Translate with the German entries, as Blender's functions would."""
    entries = languages.translations()["de"]
    return lambda text: entries.get(("*", text), text)


@pytest.mark.parametrize("name", languages.locales())
def test_entries_belong_to_texts_of_the_code(name):
    assert not stale(name)


@pytest.mark.parametrize("name", languages.locales())
def test_placeholders_match(name):
    for text, translation in languages.entries(name).items():
        assert fields(text) == fields(translation), text
        assert translation.strip(), text


@pytest.mark.parametrize("name", languages.locales())
def test_missing_entries_are_counted(name, addon):
    translated = languages.entries(name)
    shown = (*property_texts(), *socket_names())
    absent = set(missing(name)) | {
        text for text in shown if has_words(text) and text not in translated
    }
    absent -= {spec.label for spec in MODELS} | set(languages.tooltips_of_models(translated))
    if absent:
        warnings.warn(f"{name}.json lacks {len(absent)} texts", stacklevel=1)


def property_texts():
    """Yield names and tooltips of the add-on's properties and of their enum items."""
    kinds = (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences)
    classes = [c for kind in kinds for c in kind.__subclasses__()]
    ours = [c for c in classes if c.__module__.startswith("make_4d.") and c.is_registered]
    for each in (each for cls in ours for each in cls.bl_rna.properties):
        if each.identifier in INHERITED or each.identifier.startswith("bl_"):
            continue
        for shown in (each, *(each.enum_items if each.type == "ENUM" else ())):
            yield from (shown.name, shown.description)


def socket_names():
    """Names of the modifier's inputs that the Motion panel shows."""
    from make_4d.geometry.nodes.animate import animate_group

    sockets = animate_group().interface.items_tree
    names = {socket.name for socket in sockets if not socket.hide_in_modifier} - {"Geometry"}
    assert "Eddy Size" in names
    return names


def test_texts_are_found_in_the_code():
    shown = {text.literal for text in texts() if has_words(text.literal)}
    assert len(shown) > 250
    assert "Rebuild" in shown


def test_no_text_is_composed_before_it_is_translated():
    composed = [text.source for text in texts() if isinstance(text.node, ast.JoinedStr)]
    assert not composed


def test_partial_file_is_registered(tmp_path, monkeypatch, addon):
    (tmp_path / "fr.json").write_text(json.dumps({"Rebuild": "Reconstruire"}), encoding="utf-8")
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    french = languages.translations()["fr"]
    assert french["*", "Rebuild"] == "Reconstruire"
    assert ("*", "Layers") not in french
    languages.unregister()
    languages.register()


def test_operators_and_labels_are_translated(german):
    entries = languages.translations()["de"]
    assert entries["Operator", "Rebuild"] == entries["*", "Rebuild"] == "Neu aufbauen"
    languages.unregister()
    languages.register()


def test_composed_messages_are_translated_part_by_part(german):
    from make_4d.geometry.core.messages import Message, UserError
    from make_4d.geometry.translation import translate

    entries = {"{part} of '{name}'": "'{name}': {part}", "Depth": "Tiefe"}

    def translated(text):
        return entries.get(text, text)

    message = Message("{part} of '{name}'", part=Message("Depth"), name="Depth")
    assert translate(message, translated) == "'Depth': Tiefe"
    assert translate(UserError(message), translated) == "'Depth': Tiefe"
    assert translate(OSError("{what} is unknown"), translated) == "{what} is unknown"
    assert translate(message) == message
    assert translate("Rebuild", german) == "Neu aufbauen"


def test_tooltips_of_models_name_their_license(german):
    tooltips = languages.tooltips_of_models(languages.entries("de"))
    assert all(spec.license in tip for spec, tip in zip(MODELS, tooltips.values(), strict=True))
