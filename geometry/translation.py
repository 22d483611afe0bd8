"""The interface's language: composed sentences in it, and a context for words of our own."""

from __future__ import annotations

from collections.abc import Callable

from bpy.app.translations import pgettext_rpt

from .core.messages import Message, message_of

CONTEXT = "Make 4D"
"""In Blender's German a camera's Ease would be to simplify it, its Lens one of glass."""


def translate(what: str | BaseException, translated: Callable[[str], str] = pgettext_rpt) -> str:
    """A text, or what an error tells, in the interface's language.

    Composed sentences are put together anew; translated: of Blender's functions for reports or for
    labels.
    """
    if isinstance(what, BaseException):
        what = message_of(what)
    if not isinstance(what, Message):
        return translated(what)
    values = {
        n: translate(v, translated) if isinstance(v, Message) else v for n, v in what.values.items()
    }
    text = translated(what.template)
    return text.format(**values) if values else text
