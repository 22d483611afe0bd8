"""The interface in other languages: locale/LANGUAGE.json has pairs of English and what it says.

What Blender translates itself needs no entry, and what has none is shown in English.
"""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from ..geometry.translation import CONTEXT, translate
from ..ml.common.registry import MODELS
from ..operators.properties import tooltip_of

LOCALES = {"de": "de_DE"}
"""What Blender calls the languages that there are files for."""
FOLDER = Path(__file__).with_name("locale")
CONTEXTS = ("*", "Operator", CONTEXT)
"""Names of operators have a context of their own."""


def translations() -> dict[str, dict[tuple[str, str], str]]:
    """All entries as Blender takes them; raises OSError or ValueError for a broken file."""
    return {locale: _in_contexts(dict(entries(name))) for name, locale in LOCALES.items()}


def _in_contexts(observed: dict[str, str]) -> dict[tuple[str, str], str]:
    everything = observed | tooltips_of_models(observed)
    return {(context, text): other for text, other in everything.items() for context in CONTEXTS}


def entries(name: str) -> list[tuple[str, str]]:
    """Pairs of English and another language, as its file has them."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return list(json.loads(text).items())


def tooltips_of_models(observed: dict[str, str]) -> dict[str, str]:
    """What is said for tooltips that are composed: Blender looks for them as a whole."""
    tooltips = [tooltip_of(spec) for spec in MODELS]
    return {tip: translate(tip, lambda text: observed.get(text, text)) for tip in tooltips}


def register() -> None:
    """Offer the translations to Blender."""
    bpy.app.translations.register(__name__, translations())


def unregister() -> None:
    """Take them back."""
    bpy.app.translations.unregister(__name__)
