"""Checks of messages by their templates, so that their wording can change without the tests.

A template is an English sentence with named fields, such as "There is no file '{name}'.". Tests
import it from the module that declares it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from string import Formatter

import pytest
from make_4d.geometry.core.messages import Message, message_of


def is_message(text: object, template: str, **values: object) -> bool:
    """Whether a text or an error is this message.

    Args:
        text: A `Message` or a `UserError`, which is compared by its template; or any other error or
            text (what an operator reports, a program's output), which must contain the template
            filled with values.
        template: The message's English template.
        **values: Values that the message must have, by field; the other fields may have any.
    """
    message = message_of(text) if isinstance(text, BaseException) else text
    if isinstance(message, Message) and message.values:
        expected = Message("", **values).values
        return message.template == template and expected.items() <= message.values.items()
    return re.search(_pattern(template, values), str(message)) is not None


@contextmanager
def raises_message(
    error: type[BaseException], template: str, **values: object
) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """Check that the block raises an error of this type with this message; see `is_message`."""
    with pytest.raises(error) as caught:
        yield caught
    assert is_message(caught.value, template, **values), f"{caught.value} is not: {template}"


def _pattern(template: str, values: dict[str, object]) -> str:
    """A regular expression that finds a template filled with values, or with any text."""
    pattern = ""
    for literal, field, form, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if field is not None:
            known = field in values
            pattern += re.escape(format(values[field], form or "")) if known else "(?s:.+?)"
    return pattern
