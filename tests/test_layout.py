"""The repository's shape: who imports whom, how long files and functions are."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("geometry", "jobs", "ml", "operators", "panels", "render")
MODULES = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "__init__.py", *(p for part in PARTS for p in (ROOT / part).rglob("*.py")))
)
TESTS = sorted(
    path.relative_to(ROOT)
    for folder in (ROOT / "tests", ROOT / "tests" / "window")
    for path in folder.glob("*.py")
)
SCRIPTS = [Path("make4d"), Path(".ci/tasks.py"), *TESTS]

# Whom the modules of a folder may import from the package. `ml-client` is what Blender's side may
# see of the machine-learning side: none of it needs more than Python.
ALLOWED = {
    "": {"jobs", "operators", "panels", "render", "geometry"},
    "panels": {"panels", "operators", "jobs", "render", "geometry", "geometry/core", "ml-client"},
    "operators": {"operators", "jobs", "render", "geometry", "geometry/core", "ml-client"},
    "jobs": {"jobs", "render", "geometry", "geometry/core", "ml-client"},
    "render": {"render", "geometry", "geometry/core", "ml-client"},
    "geometry": {"geometry", "geometry/core"},
    "geometry/core": {"geometry/core"},
    "geometry/landscapes": {"geometry/landscapes", "geometry/core"},  # no one else may import it
    "ml": {"ml", "ml-client", "geometry/core"},
}
ML_CLIENT = ("ml/client/", "ml/common/", "ml/stages/table.py")
BLENDER = {
    *("bpy", "bl_math", "bl_operators", "bl_ui", "blf", "bmesh"),
    *("addon_utils", "bpy_extras", "gpu", "gpu_extras", "mathutils"),
}
# What Blender itself carries, so that the extension registers without any other package.
CARRIED = BLENDER | {"numpy"} | set(sys.stdlib_module_names)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def part_of(path: Path) -> str:
    """The part of the package a module belongs to, a key of ALLOWED (or ml-client)."""
    if path.as_posix().startswith(ML_CLIENT):
        return "ml-client"
    if path.parts[:2] in (("geometry", "core"), ("geometry", "landscapes")):
        return "/".join(path.parts[:2])
    return path.parts[0] if len(path.parts) > 1 else ""


PLAIN = [path for path in MODULES if part_of(path).startswith(("ml", "geometry/core"))]
PACKAGES = [path for path in MODULES if path.name == "__init__.py" and len(path.parts) > 1]
MACHINE_PATHS = re.compile("|".join(f"/{name}/" for name in ("work", "root", "home")))


def import_nodes(path: Path, whole: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports of a module: all of them, or those that run when it is loaded."""
    pending: list[ast.AST] = [tree(path)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if whole or not (inner or typing_only):
            pending += ast.iter_child_nodes(node)


def inside(path: Path, whole: bool = True) -> set[Path]:
    """Modules of the package that a module imports."""
    found: set[Path] = set()
    for node in import_nodes(path, whole):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        for name in node.names:
            options = (base / f"{name.name}.py", base / name.name / "__init__.py")
            options += (base.parent / f"{base.name}.py", base / "__init__.py")
            found.add(next((p for p in options if (ROOT / p).is_file()), options[0]))
    return found


def outside(path: Path, whole: bool = True) -> set[str]:
    """Top-level packages of others that a module imports."""
    names: set[str] = set()
    for node in import_nodes(path, whole):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def loaded_by(start: set[Path]) -> set[Path]:
    """All modules that are loaded when those of `start` are."""
    seen: set[Path] = set()
    pending = set(start)
    while pending:
        path = pending.pop()
        seen.add(path)
        if (ROOT / path).is_file():
            pending |= inside(path, whole=False) - seen
    return seen


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_go_one_way(path: Path) -> None:
    part = "ml" if part_of(path) == "ml-client" else part_of(path)
    targets = {target: part_of(target) for target in inside(path)}
    assert all((ROOT / target).is_file() for target in targets), "imports what isn't there"
    assert set(targets.values()) <= ALLOWED[part], targets
    assert path.parts[:1] != ("make_4d",) and "make_4d" not in outside(path), "use relative imports"


@pytest.mark.parametrize("path", PLAIN, ids=str)
def test_worker_never_meets_blender(path: Path) -> None:
    assert not outside(path) & BLENDER


def test_registration_needs_only_what_blender_carries() -> None:
    registered = loaded_by(inside(Path("__init__.py")))
    assert len(registered) > 8
    foreign = {path.as_posix(): outside(path, whole=False) - CARRIED for path in registered}
    assert not {path: names for path, names in foreign.items() if names}
    beyond = {path.as_posix() for path in registered if part_of(path) == "ml"}
    assert beyond <= {"ml/__init__.py"}


def test_root_imports_nothing_when_it_is_loaded() -> None:
    assert outside(Path("__init__.py"), whole=False) <= {"types", "typing", "__future__"}
    assert not inside(Path("__init__.py"), whole=False)


@pytest.mark.parametrize("path", PACKAGES, ids=str)
def test_package_files_hold_a_docstring_alone(path: Path) -> None:
    assert len(tree(path).body) == 1 and ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=str)
def test_files(path: Path) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 500
    assert ast.get_docstring(tree(path)), "says nothing of what it is for"
    assert not [line for line in lines if MACHINE_PATHS.search(line)]


def test_script_is_read_by_an_old_python() -> None:
    text = (ROOT / "make4d").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))
