"""Translation of messages into the language of the interface, and our context for translations."""

from __future__ import annotations

from collections.abc import Callable

from bpy.app.translations import pgettext_rpt

from .core.messages import Message, message_of

CONTEXT = "Make 4D"
"""Context of words that Blender translates with another meaning, such as a camera's Lens."""


def translate(what: str | BaseException, translated: Callable[[str], str] = pgettext_rpt) -> str:
    """Translate a text, a message or the message of an error.

    Messages are formatted again from their translated template.

    Args:
        what: The text, message or error.
        translated: Blender's function that translates reports, or labels.
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
