"""The checks of messages by their templates."""

from __future__ import annotations

import pytest
from make_4d.geometry.core.messages import Message, UserError
from messages import is_message, raises_message

TEMPLATE = "Size must be {least} to {most:.0f} pixels (all of them)."


@pytest.mark.parametrize(
    "text",
    [
        Message(TEMPLATE, least=64, most=4096),
        UserError(TEMPLATE, least=64, most=4096),
        RuntimeError("Error: Size must be 64 to 4096 pixels (all of them).\n"),
        "make4d: Size must be 64 to 4096 pixels (all of them).",
    ],
)
def test_message_is_found_by_its_template_and_values(text: object) -> None:
    assert is_message(text, TEMPLATE) and is_message(text, TEMPLATE, least=64, most=4096)
    assert not is_message(text, TEMPLATE, least=63)
    assert not is_message(text, TEMPLATE.replace("pixels", "meters"))


def test_a_similar_text_with_another_template_is_another_message() -> None:
    assert not is_message(Message("{a} to {b}", a=1, b=2), "{a} to {c}")


def test_braces_in_values_are_text() -> None:
    assert is_message("There is no file 'a{b}'.", "There is no file '{name}'.", name="a{b}")


def test_another_message_or_none_fails() -> None:
    with pytest.raises(AssertionError), raises_message(ValueError, "Choose a photo."):
        raise ValueError("Choose a file.")
    with pytest.raises(pytest.fail.Exception), raises_message(ValueError, "Choose a photo."):
        pass
