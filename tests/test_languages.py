"""The interface in other languages: entries belong to texts that are there, and fit them."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from interface_texts import texts
from make_4d.ml.common.registry import MODELS
from make_4d.panels import languages

ROOT = Path(__file__).resolve().parent.parent
SCREEN = [*ROOT.glob("operators/*.py"), *ROOT.glob("panels/*.py"), *ROOT.glob("render/*.py")]
SCREEN += [*ROOT.glob("geometry/*.py"), *ROOT.glob("geometry/core/*.py"), *ROOT.rglob("ml/**/*.py")]
SCREEN += ROOT.glob("geometry/nodes/*.py")
OWN_WORDS = ("rna_type", "name", "properties", "has_reports", "layout", "options", "macros")
"""What every operator or group has from Blender."""


def literals() -> set[str]:
    """Every text in the code that may reach the screen."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in SCREEN)
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str)}


def fields(text: str) -> list[tuple[str, str]]:
    """What is put into a text: names and formats, whatever their order."""
    return sorted((name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("name", languages.LOCALES)
def test_entries_belong_to_texts_of_the_interface(name):
    stale = {text for text, _ in languages.entries(name)} - literals()
    assert not stale


@pytest.mark.parametrize("name", languages.LOCALES)
def test_everything_is_said_in_every_language(name):
    observed = {text for text, _ in languages.entries(name)}
    shown = {text.literal: text.place for text in texts() if has_words(text.literal)}
    missing = {translate: place for translate, place in shown.items() if translate not in observed}
    assert len(shown) > 250 and not missing


@pytest.mark.parametrize("name", languages.LOCALES)
def test_what_blender_shows_of_properties_is_said(name, addon):
    observed = {text for text, _ in languages.entries(name)} | {spec.label for spec in MODELS}
    tooltips = languages.tooltips_of_models(dict(languages.entries(name)))
    assert all(spec.license in tip for spec, tip in zip(MODELS, tooltips.values(), strict=True))
    assert not set(tooltips) & set(tooltips.values()), "said in English"
    observed |= set(tooltips)
    shown = {translate: place for translate, place in of_properties() if has_words(translate)}
    assert len(shown) > 150
    assert not {translate: place for translate, place in shown.items() if translate not in observed}


@pytest.mark.parametrize("name", languages.LOCALES)
def test_the_inputs_of_the_motion_are_said(name, addon):
    from make_4d.geometry.nodes.animate import animate_group

    observed = {text for text, _ in languages.entries(name)}
    sockets = animate_group().interface.items_tree
    shown = {socket.name for socket in sockets if not socket.hide_in_modifier} - {"Geometry"}
    assert "Eddy Size" in shown and not shown - observed


def of_properties():
    """Names and tooltips of the add-on's properties and of their choices, with their classes."""
    kinds = (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences)
    ours = [
        c for kind in kinds for c in kind.__subclasses__() if c.__module__.startswith("make_4d.")
    ]
    for cls in (cls for cls in ours if cls.is_registered):
        for each in cls.bl_rna.properties:
            if each.identifier in OWN_WORDS or each.identifier.startswith("bl_"):
                continue
            choices = each.enum_items if each.type == "ENUM" else ()
            for shown in (each, *choices):
                yield from ((word, cls.__name__) for word in (shown.name, shown.description))


def test_no_text_is_composed_before_it_is_translated():
    composed = [text.place for text in texts() if isinstance(text.node, ast.JoinedStr)]
    assert not composed


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return any(letter.isalpha() for letter in text)


@pytest.mark.parametrize("name", languages.LOCALES)
def test_the_same_is_put_into_both(name):
    for text, translate in languages.entries(name):
        assert fields(text) == fields(translate), text
        assert translate.strip(), text


def test_every_stage_and_every_file_is_there():
    from make_4d.ml.stages.table import STAGE_LABELS

    translate = dict(languages.entries("de"))
    assert set(STAGE_LABELS.values()) <= set(translate)
    assert {path.stem for path in languages.FOLDER.glob("*.json")} == set(languages.LOCALES)


def test_blender_is_given_labels_and_names_of_operators(addon):
    entries = languages.translations()["de_DE"]
    assert entries["Operator", "Rebuild"] == entries["*", "Rebuild"] == "Neu aufbauen"
    languages.unregister()
    languages.register()


def test_composed_sentences_are_said_part_by_part(addon):
    from make_4d.geometry.core.messages import Message
    from make_4d.geometry.translation import translate
    from make_4d.ml.common.photo_file import PhotoError
    from make_4d.ml.stages.table import stage_label

    observed = languages.translations()["de_DE"]

    def in_german(text):
        return observed.get(("*", text), text)

    template = "Not enough memory in the stage '{stage}': choose a smaller size and run again."
    message = Message(template, stage=stage_label("depth"))
    told = translate(message, in_german)
    assert told.startswith("Nicht genug Speicher in der Stufe 'Schätzt die Tiefe'")
    error = PhotoError("'{name}' is empty; copy the photo again.", name="Depth")
    assert translate(error, in_german) == "'Depth' ist leer; das Foto noch einmal kopieren."
    assert translate(OSError("{what} nobody knows"), in_german) == "{what} nobody knows"
    assert translate(message) == message and translate("Ready", in_german) == "Bereit"
