"""Sentences for the artist that can still be said in another language once they are composed.

They come about where there is no Blender to translate them: in the worker, and in what both sides
share. Each is a template in English with named fields, and what is put into it.
"""

from __future__ import annotations

from typing import Any, Self

type Value = str | int | float


class Message(str):
    """Text in English that remembers its template and what was put in; compares as plain text.

    template: with fields as `str.format` has them; values: by field, of which those that are
    sentences themselves are translated too.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Value]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """What is neither a number nor a text (a path, an error) is put in as text."""
        kept = {
            name: v if isinstance(v, str | int | float) else str(v) for name, v in values.items()
        }
        message = super().__new__(cls, template.format(**kept) if kept else template)
        message.template, message.values = template, kept
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Value]]:
        """For copies."""
        return (self.template,), self.values


class UserError(Exception):
    """An error whose text is one sentence for the artist, which says what to do.

    Raised with a template and what is put into it, or with a sentence.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        if not isinstance(template, Message):
            template = Message(template, **values)
        self.message: Message = template
        super().__init__(str(self.message))


def message_of(error: BaseException) -> Message:
    """What an error tells."""
    return error.message if isinstance(error, UserError) else Message(str(error))


def to_json(value: Any) -> Any:
    """Numbers, texts and tuples of them as plain JSON: a sentence keeps its parts."""
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if not isinstance(value, Message) or not value.values:
        return value
    values = {name: to_json(each) for name, each in value.values.items()}
    return {"template": value.template, "values": values}


def from_json(record: Any) -> Any:
    """The inverse of `to_json`; raises TypeError or KeyError for another dictionary."""
    if isinstance(record, list):
        return tuple(from_json(each) for each in record)
    if not isinstance(record, dict):
        return record
    values = {name: from_json(value) for name, value in record["values"].items()}
    return Message(record["template"], **values)
