"""The interface in other languages, registered with Blender.

A file locale/LOCALE.json holds pairs of English text and translation. LOCALE is a code as Blender
takes it (`de`, `pt_BR`). A file may be partial: what it lacks, Blender translates itself where it
knows the text, and shows in English otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from ..geometry.translation import CONTEXT, translate
from ..ml.common.registry import MODELS
from ..operators.properties import tooltip_of

FOLDER = Path(__file__).with_name("locale")
CONTEXTS = ("*", bpy.app.translations.contexts.operator_default, CONTEXT)
"""Each entry counts in all of them: Blender looks up operator names in a context of their own."""


def translations() -> dict[str, dict[tuple[str, str], str]]:
    """Return all entries by locale and (context, English text), as Blender takes them.

    Raises OSError or ValueError for a broken file.
    """
    return {name: _in_contexts(entries(name)) for name in locales()}


def locales() -> list[str]:
    """The locales that there are files for."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def entries(name: str) -> dict[str, str]:
    """Translations by English text, as a locale's file has them."""
    return dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def tooltips_of_models(translated: dict[str, str]) -> dict[str, str]:
    """Translations of the models' tooltips, which are composed while Blender looks up the whole."""
    tooltips = [tooltip_of(spec) for spec in MODELS]
    return {tip: translate(tip, lambda text: translated.get(text, text)) for tip in tooltips}


def _in_contexts(translated: dict[str, str]) -> dict[tuple[str, str], str]:
    everything = translated | tooltips_of_models(translated)
    return {(context, text): other for text, other in everything.items() for context in CONTEXTS}


def register() -> None:
    """Register the translations with Blender."""
    bpy.app.translations.register(__name__, translations())


def unregister() -> None:
    """Unregister the translations."""
    bpy.app.translations.unregister(__name__)
