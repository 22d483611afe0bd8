"""Find in the code what reaches the screen: labels, tooltips, reports, error messages.

Run as a program, it prints what each language file lacks and which of its entries are stale:
`python tests/interface_texts.py`.
"""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "panels" / "locale"
PACKAGES = ("operators", "panels", "jobs", "render", "geometry", "ml")
COMMAND_LINE = ("jobs/command.py", "jobs/console.py", "jobs/outputs.py")
"""Modules that print to a terminal only."""
TRANSLATES = ("iface_", "rpt_", "tip_", "pgettext_iface", "pgettext_rpt", "pgettext_tip")
POSITIONS = {
    "notice": (0,),
    "report": (1,),
    "poll_message_set": (0,),
    "draw_wrapped": (2,),
    "CameraMove": (0, 1),
    "Message": (0,),
}
"""Positional arguments that functions and records show."""
FIELDS = ("label", "description", "note")
"""Fields that tables show, given as keyword arguments."""
NAMES = {"ModelSpec": ("label",)}
"""Fields that are names, and not translated."""
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
"""Keyword arguments of layouts, dialogs and properties that are shown."""
LAYOUT = ("label", "operator", "prop", "progress", "menu", "popover", "panel")
DIALOGS = ("invoke_confirm", "invoke_props_dialog")
RETURN_TEXT = ("_problem", "_link")
"""Endings of functions that return a message to report; see also `returns_text`."""
CLASS_TEXTS = ("bl_label", "bl_description")


@dataclass(frozen=True)
class Text:
    """An expression that reaches the screen, and its file and line."""

    node: ast.expr
    source: str

    @property
    def literal(self) -> str:
        """Its text; empty where it is not a literal."""
        is_text = isinstance(self.node, ast.Constant) and isinstance(self.node.value, str)
        return str(self.node.value) if is_text else ""


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return any(letter.isalpha() for letter in text)


def fields(text: str) -> list[tuple[str, str]]:
    """The placeholders of a text with their formats, sorted."""
    parsed = string.Formatter().parse(text)
    return sorted((name, form or "") for _, name, form, _ in parsed if name is not None)


def entries(language: str) -> dict[str, str]:
    """The translations that a language file has, by English text."""
    return dict(json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8")))


def stale(language: str) -> set[str]:
    """Entries of a language file whose English text is no longer in the code."""
    return set(entries(language)) - literals()


def missing(language: str) -> dict[str, str]:
    """Texts without an entry in a language file, shown in English; each with its file and line."""
    translated = entries(language)
    shown = {text.literal: text.source for text in texts() if has_words(text.literal)}
    return {text: source for text, source in shown.items() if text not in translated}


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the add-on by its path in the repository."""
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in paths
    }


def literals() -> set[str]:
    """Every string in the code."""
    nodes = (node for tree in trees().values() for node in ast.walk(tree))
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def texts() -> Iterator[Text]:
    """All texts of the code that Blender runs."""
    everywhere = {
        name: value for tree in trees().values() for name, value in constants_of(tree).items()
    }
    errors = user_errors()
    for path, tree in trees().items():
        if path in COMMAND_LINE:
            continue
        constants = everywhere | constants_of(tree)
        for node in ast.walk(tree):
            for shown in shown_by(node, errors):
                for text in resolved(shown, constants):
                    yield Text(text, f"{path}:{shown.lineno}")


def user_errors() -> set[str]:
    """Names of the errors whose messages are for the artist: UserError and its subclasses."""
    bases = {
        node.name: {name_of(base) for base in node.bases}
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    errors = {"UserError"}
    while more := {name for name, above in bases.items() if above & errors} - errors:
        errors |= more
    return errors


def resolved(shown: ast.expr, constants: dict[str, ast.expr]) -> Iterator[ast.expr]:
    """What an expression may be: both branches, a constant's value, every value of a table."""
    name = name_of(shown)
    if name.lstrip("_").isupper() and name in constants:
        yield from resolved(constants[name], constants)
    elif isinstance(shown, ast.IfExp):
        for branch in (shown.body, shown.orelse):
            yield from resolved(branch, constants)
    elif isinstance(shown, ast.Subscript):
        yield from resolved(shown.value, constants)
    elif isinstance(shown, ast.BinOp) and isinstance(shown.op, ast.BitOr):
        for side in (shown.left, shown.right):
            yield from resolved(side, constants)
    elif isinstance(shown, ast.Dict):
        for value in shown.values:
            yield from resolved(value, constants)
    else:
        yield shown


def name_of(node: ast.expr) -> str:
    """The name that an expression refers to, here or in another module; empty for none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def constants_of(tree: ast.Module) -> dict[str, ast.expr]:
    """The values of a module's constants."""
    pairs = (each for each in tree.body if isinstance(each, ast.Assign))
    return {
        target.id: pair.value
        for pair in pairs
        for target in pair.targets
        if isinstance(target, ast.Name) and target.id.lstrip("_").isupper()
    }


def shown_by(node: ast.AST, errors: set[str]) -> Iterator[ast.expr]:
    """The expressions that a part of the code shows."""
    if isinstance(node, ast.Call):
        yield from shown_by_call(node, errors)
    elif isinstance(node, ast.FunctionDef) and returns_text(node):
        returns = (each for each in ast.walk(node) if isinstance(each, ast.Return))
        yield from (each.value for each in returns if each.value is not None)
    elif isinstance(node, ast.Assign) and name_of(node.targets[0]) in CLASS_TEXTS:
        yield node.value
    elif isinstance(node, ast.Assign) and name_of(node.targets[0]).endswith("_ITEMS"):
        yield from items_of(node.value)


def returns_text(function: ast.FunctionDef) -> bool:
    """Whether a function returns a text to show."""
    arguments = [each.arg for each in function.args.args]
    if function.name == "run":
        return arguments == ["self", "context"]
    if function.name == "description":
        return arguments == ["cls", "context", "properties"]
    return function.name.endswith(RETURN_TEXT)


def shown_by_call(call: ast.Call, errors: set[str]) -> Iterator[ast.expr]:
    """The expressions that a call shows, and Blender translates."""
    words = {word.arg: word.value for word in call.keywords}
    if getattr(words.get("translate"), "value", True) is False:
        return
    function = name_of(call.func)
    if function in TRANSLATES or function in errors:
        yield from call.args[:1]
    for at in POSITIONS.get(function, ()):
        if len(call.args) > at:
            yield call.args[at]
    shown: tuple[str, ...] = FIELDS
    if function.endswith("Property") or function in (*LAYOUT, *DIALOGS):
        shown = WORDS
    skipped = NAMES.get(function, ())
    yield from (value for word, value in words.items() if word in shown and word not in skipped)
    if function == "EnumProperty" and "items" in words:
        yield from items_of(words["items"])


def items_of(items: ast.expr) -> Iterator[ast.expr]:
    """Names and tooltips of an enum's items."""
    if isinstance(items, ast.Tuple | ast.List):
        for item in items.elts:
            if isinstance(item, ast.Tuple):
                yield from item.elts[1:3]


def main() -> None:
    """Print the missing and the stale entries of every language file."""
    for path in sorted(LOCALES.glob("*.json")):
        absent, unused = missing(path.stem), sorted(stale(path.stem))
        print(f"{path.stem}: {len(absent)} missing, {len(unused)} stale")
        for text, source in absent.items():
            print(f"  missing  {text!r}  ({source})")
        for text in unused:
            print(f"  stale    {text!r}")


if __name__ == "__main__":
    main()
