"""Messages for the artist that can still be translated after they are composed.

They are written where there is no Blender to translate them: in the worker, and in code that both
sides share. Each one keeps its English template with named fields, and the values of the fields.
"""

from __future__ import annotations

from typing import Any, Self

type Value = str | int | float


class Message(str):
    """English text that remembers its template and values; compares as plain text.

    Attributes:
        template: Text with fields as in `str.format`.
        values: Values by field. Those that are messages themselves are translated too.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Value]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Fill a template; values that aren't numbers or text (a path, an error) become text."""
        kept = {
            name: v if isinstance(v, str | int | float) else str(v) for name, v in values.items()
        }
        message = super().__new__(cls, template.format(**kept) if kept else template)
        message.template, message.values = template, kept
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Value]]:
        """Support copying and pickling."""
        return (self.template,), self.values


class UserError(Exception):
    """An error whose text is one sentence for the artist that says what to do.

    Raise it with a template and the values of its fields, or with a finished message.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        if not isinstance(template, Message):
            template = Message(template, **values)
        self.message: Message = template
        super().__init__(str(self.message))


def message_of(error: BaseException) -> Message:
    """Return an error's message."""
    return error.message if isinstance(error, UserError) else Message(str(error))


def to_json(value: Any) -> Any:
    """Return numbers, texts and tuples of them as plain JSON; a message keeps its parts."""
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if not isinstance(value, Message) or not value.values:
        return value
    values = {name: to_json(each) for name, each in value.values.items()}
    return {"template": value.template, "values": values}


def from_json(record: Any) -> Any:
    """Invert `to_json`; raises TypeError or KeyError for any other dictionary."""
    if isinstance(record, list):
        return tuple(from_json(each) for each in record)
    if not isinstance(record, dict):
        return record
    values = {name: from_json(value) for name, value in record["values"].items()}
    return Message(record["template"], **values)
