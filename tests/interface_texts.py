"""Finds in the code what reaches the screen: labels, tooltips, reports, sentences of errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("operators", "panels", "render", "geometry", "ml")
COMMAND_LINE = ("jobs/command.py", "jobs/console.py", "jobs/outputs.py")
"""What only prints to a terminal."""
TRANSLATES = ("iface_", "rpt_", "tip_", "pgettext_iface", "pgettext_rpt", "pgettext_tip")
POSITIONS = {"notice": 0, "report": 1, "poll_message_set": 0, "draw_wrapped": 2, "_check": 1}
"""Which argument of a function is shown."""
WORDS = (
    "text",
    "placeholder",
    "heading",
    "name",
    "description",
    "title",
    "confirm_text",
    "message",
)
LAYOUT = ("label", "operator", "prop", "progress", "menu", "popover", "panel")
DIALOGS = ("invoke_confirm", "invoke_props_dialog")
FOR_ARTISTS = (
    *("SceneError", "PathError", "SettingsError", "FilmError", "NeuralUnavailableError"),
    *("ModelError", "PhotoError", "NoAnswer", "MissingPackageError", "Sentence"),
)
"""Errors whose texts are reported as they are, and what composed sentences are made of."""
SAYS = ("_problem", "_link")
"""How functions are called that return a sentence to be reported."""
CLASS_TEXTS = ("bl_label", "bl_description")


@dataclass(frozen=True)
class Text:
    """An expression that reaches the screen, and where it is."""

    node: ast.expr
    place: str

    @property
    def literal(self) -> str:
        """Its text; empty for what is no literal."""
        is_text = isinstance(self.node, ast.Constant) and isinstance(self.node.value, str)
        return str(self.node.value) if is_text else ""


def texts() -> Iterator[Text]:
    """All of them, in the code that Blender runs."""
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name in COMMAND_LINE:
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            constants = constants_of(tree)
            for node in ast.walk(tree):
                for shown in alternatives(shown_by(node)):
                    is_named = isinstance(shown, ast.Name)
                    text = constants.get(shown.id, shown) if is_named else shown
                    yield Text(text, f"{name}:{shown.lineno}")


def alternatives(shown: Iterator[ast.expr]) -> Iterator[ast.expr]:
    """Both of what is chosen between."""
    for each in shown:
        yield from (each.body, each.orelse) if isinstance(each, ast.IfExp) else (each,)


def constants_of(tree: ast.Module) -> dict[str, ast.expr]:
    """What the names at the top of a module stand for."""
    pairs = (each for each in tree.body if isinstance(each, ast.Assign))
    return {
        target.id: pair.value
        for pair in pairs
        for target in pair.targets
        if isinstance(target, ast.Name)
    }


def shown_by(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions that a part of the code shows."""
    if isinstance(node, ast.Call):
        yield from shown_by_call(node)
    elif isinstance(node, ast.FunctionDef) and node.name.endswith(SAYS):
        yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
    elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in CLASS_TEXTS:
        yield node.value


def shown_by_call(call: ast.Call) -> Iterator[ast.expr]:
    """The same for a call."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else None
    function = function or (call.func.id if isinstance(call.func, ast.Name) else "")
    if function in TRANSLATES or function in FOR_ARTISTS:
        yield from call.args[:1]
    at = POSITIONS.get(function)
    if at is not None and len(call.args) > at:
        yield call.args[at]
    if function.endswith("Property") or function in (*LAYOUT, *DIALOGS):
        yield from (k.value for k in call.keywords if k.arg in WORDS)
    if function == "EnumProperty":
        yield from (shown for k in call.keywords if k.arg == "items" for shown in items_of(k.value))


def items_of(items: ast.expr) -> Iterator[ast.expr]:
    """Names and tooltips of an enum's items."""
    if isinstance(items, ast.Tuple | ast.List):
        for item in items.elts:
            if isinstance(item, ast.Tuple):
                yield from item.elts[1:3]
