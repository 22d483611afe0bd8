"""The interface in other languages: entries belong to texts that are there, and fit them."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.panels import languages

ROOT = Path(__file__).resolve().parent.parent
SCREEN = [*ROOT.glob("operators/*.py"), *ROOT.glob("panels/*.py"), *ROOT.glob("render/*.py")]
SCREEN += [*ROOT.glob("geometry/*.py"), *ROOT.glob("geometry/core/presets.py")]


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
def test_the_same_is_put_into_both(name):
    for text, said in languages.entries(name):
        assert fields(text) == fields(said), text
        assert said.strip(), text


def test_every_stage_and_every_file_is_there():
    from make_4d.operators.running import STAGE_LABELS

    said = dict(languages.entries("de"))
    assert set(STAGE_LABELS.values()) <= set(said)
    assert {path.stem for path in languages.FOLDER.glob("*.json")} == set(languages.LOCALES)


def test_blender_is_given_labels_and_names_of_operators(addon):
    entries = languages.translations()["de_DE"]
    assert entries["Operator", "Rebuild"] == entries["*", "Rebuild"] == "Neu aufbauen"
    languages.unregister()
    languages.register()
