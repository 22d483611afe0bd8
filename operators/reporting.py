"""What operators share: errors become reports, and other operators are called safely."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

from ..geometry.core.messages import UserError
from ..geometry.translation import translate

NESTED = "Blender can't do this here ({reason})."
EDIT_MODE = "Leave Edit Mode first"


class OperatorError(UserError):
    """An operator can't do its work; its text is one sentence for the artist."""


class Reports:
    """Mixed into an operator before `bpy.types.Operator`: does its work in `run`, reports errors.

    Attributes:
        expected: Errors whose text is one sentence for the artist. Any other error is a bug, and
            is raised.
    """

    expected: tuple[type[Exception], ...] = (UserError, OSError)

    if TYPE_CHECKING:
        # Of bpy.types.Operator, which a mixin may not inherit: Blender would register it.
        report: Any

    def run(self, context: bpy.types.Context) -> str:
        """Validate, do the work, and return what to report; empty for nothing."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run the operator; report its message, or why it can't do its work."""
        try:
            message = self.run(context)
        except self.expected as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if message:
            self.report({"INFO"}, translate(message))
        return {"FINISHED"}


def call(operator: Callable[..., set[str]], *args: str, **properties: object) -> None:
    """Call another operator; raises OperatorError where it refuses or fails.

    From Python, an operator that reports an error, or whose poll fails, raises a RuntimeError.
    """
    try:
        operator(*args, **properties)
    except RuntimeError as error:
        reason = str(error).strip().removeprefix("Error: ").rstrip(".")
        raise OperatorError(NESTED, reason=reason) from error


def in_object_mode(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators that change objects: Edit Mode would overwrite their changes."""
    if context.mode == "OBJECT":
        return True
    operator.poll_message_set(EDIT_MODE)
    return False
