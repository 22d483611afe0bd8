"""Messages: text that keeps its template and values, also through JSON and the worker."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from make_4d.geometry.core.messages import Message, UserError, from_json, message_of, to_json
from make_4d.ml.common import job_settings
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from make_4d.ml.common.protocol import Done, Failed, Progress, decode, encode
from make_4d.ml.stages.table import STAGE_LABELS, STAGES, stage_label
from messages import raises_message

STATED = Message("'{name}' is {n}", name="a{b", n=3)
NESTED = Message("{stated}; keep {most:.1f}", stated=STATED, most=2)


def test_a_message_is_its_text() -> None:
    assert NESTED == "'a{b' is 3; keep 2.0" and isinstance(NESTED, str)
    assert Message("plain {braces") == "plain {braces"
    assert not Message("")


def test_paths_and_errors_become_text() -> None:
    message = Message("{path}: {error}", path=Path("a"), error=OSError(2, "gone"))
    assert message.values == {"path": "a", "error": "[Errno 2] gone"}


@pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, lambda s: from_json(to_json(s))])
def test_copies_keep_template_and_values(made) -> None:
    again = made(NESTED)
    assert again == NESTED and again.template == NESTED.template
    assert again.values["stated"].values == {"name": "a{b", "n": 3}


def test_a_plain_text_stays_a_text() -> None:
    assert to_json("text") == from_json("text") == "text"
    assert to_json(Message("fixed")) == "fixed"


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (Failed("j", NESTED, "Traceback"), lambda m: m.message),
        (Progress("j", "depth", 0.5, 0.1, NESTED), lambda m: m.detail),
        (Done("j", "folder", (NESTED, Message("fixed"))), lambda m: m.notes[0]),
    ],
)
def test_worker_messages_keep_template_and_values(message, where) -> None:
    decoded = decode(encode(message))
    assert decoded == message
    assert where(decoded).template == NESTED.template
    assert where(decoded).values["stated"].template == STATED.template


def test_errors_are_raised_with_a_template_or_a_message() -> None:
    composed = UserError("No {name}: {do}.", name="file", do=Message("choose one"))
    assert str(composed) == "No file: choose one."
    assert message_of(composed).values["do"] == "choose one"
    assert message_of(UserError(NESTED)) is NESTED
    assert message_of(OSError("{odd}")) == "{odd}"


def test_settings_errors_name_the_limits() -> None:
    with raises_message(SettingsError, job_settings.SIZE_RANGE, least=64, most=4096):
        JobSettings("photo.jpg", size=5).validate()


def test_every_stage_has_a_label() -> None:
    assert {stage.name for stage in STAGES} <= set(STAGE_LABELS)
    assert stage_label("depth") == STAGE_LABELS["depth"] == STAGES[2].label
