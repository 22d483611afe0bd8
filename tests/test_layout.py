"""The layout of the repository: which modules import which, and how long files are."""

from __future__ import annotations

import ast
import contextlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = "MAY_IMPORT"
CORE = "geometry.core"
TRAINING = "ml.training"
UNSHIPPED = ("geometry.landscapes", "geometry.worlds", TRAINING)
"""What makes pictures with ground truth in Blender, and what learns from them."""
ALL, RUN, LOAD = "all", "run", "load"
"""Which imports of a module: all, those that ever run, or those that run when it is loaded."""
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

BLENDER = {
    *("bpy", "bl_math", "bl_operators", "bl_ui", "blf", "bmesh"),
    *("addon_utils", "bpy_extras", "gpu", "gpu_extras", "mathutils"),
}
# What Blender itself carries, so that the extension registers without any other package.
CARRIED = BLENDER | {"numpy"} | set(sys.stdlib_module_names)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def constants(path: Path) -> dict[str, object]:
    """Return the module-level constants of a module that are literals."""
    values: dict[str, object] = {}
    for node in tree(path).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name):
            with contextlib.suppress(ValueError):
                values[target.id] = ast.literal_eval(node.value)
    return values


@cache
def part_of(path: Path) -> str:
    """Return the part that a module belongs to: the nearest package with a MAY_IMPORT."""
    for folder in path.parents:
        package = folder / "__init__.py"
        if folder == Path():
            return ""
        if MAY_IMPORT in constants(package):
            return folder.as_posix().replace("/", ".")
    raise AssertionError(path)


def allowed(part: str) -> set[str]:
    """Return the parts that a part may import; the root module may import all."""
    if not part:
        return set(PARTS)
    names = constants(Path(*part.split("."), "__init__.py"))[MAY_IMPORT]
    assert isinstance(names, tuple)
    return {part, *names}


def is_for_worker(path: Path) -> bool:
    """Whether a module may only be imported in the worker, according to its package."""
    if path.parts[:1] != ("ml",) or len(path.parts) < 3:
        return False
    return not constants(Path("ml", path.parts[1], "__init__.py"))["IMPORTED_BY_BLENDER"]


PLAIN = [path for path in MODULES if part_of(path) in ("ml", TRAINING, CORE)]
LIGHT = [path for path in MODULES if not is_for_worker(path) and part_of(path) not in UNSHIPPED]
PACKAGES = [path for path in MODULES if path.name == "__init__.py" and len(path.parts) > 1]
GUARD = Path("geometry/core/packages.py")
BESIDE_WORKER = [path for path in MODULES if part_of(path) not in ("ml", *UNSHIPPED)]
MACHINE_PATHS = re.compile("|".join(f"/{name}/" for name in ("work", "root", "home")))


def import_nodes(path: Path, which: str) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports of a module: ALL, RUN or LOAD."""
    pending: list[ast.AST] = [tree(path)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if (in_function and which == LOAD) or (for_types and which != ALL):
            continue
        pending += ast.iter_child_nodes(node)


def inside(path: Path, which: str = ALL) -> set[Path]:
    """Return the modules of the add-on that a module imports."""
    found: set[Path] = set()
    for node in import_nodes(path, which):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        for name in node.names:
            options = (base / f"{name.name}.py", base / name.name / "__init__.py")
            options += (base.parent / f"{base.name}.py", base / "__init__.py")
            found.add(next((p for p in options if (ROOT / p).is_file()), options[0]))
    return found


def imported_names(path: Path) -> set[str]:
    """Return the names that a module imports from others."""
    return {alias.name for node in import_nodes(path, ALL) for alias in node.names}


def outside(path: Path, which: str = ALL) -> set[str]:
    """Return the top-level packages outside the add-on that a module imports."""
    names: set[str] = set()
    for node in import_nodes(path, which):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def loaded_by(start: set[Path]) -> set[Path]:
    """Return all modules that are loaded with those of `start`."""
    seen: set[Path] = set()
    pending = set(start)
    while pending:
        path = pending.pop()
        seen.add(path)
        if (ROOT / path).is_file():
            pending |= inside(path, LOAD) - seen
    return seen


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_go_one_way(path: Path) -> None:
    targets = {target: part_of(target) for target in inside(path)}
    assert all((ROOT / target).is_file() for target in targets), "imports a missing module"
    assert set(targets.values()) <= allowed(part_of(path)), targets
    assert path.parts[:1] != ("make_4d",) and "make_4d" not in outside(path), "use relative imports"


@pytest.mark.parametrize("path", BESIDE_WORKER, ids=str)
def test_blender_imports_no_package_of_the_worker(path: Path) -> None:
    assert not [target for target in inside(path) if is_for_worker(target)]


@pytest.mark.parametrize("path", LIGHT, ids=str)
def test_modules_for_blender_load_without_packages_of_the_worker(path: Path) -> None:
    """Their functions may import anything from `ml` if they run in the worker."""
    assert not [target for target in inside(path, LOAD) if is_for_worker(target)]


@pytest.mark.parametrize("path", LIGHT, ids=str)
def test_modules_name_what_they_require_beyond_numpy(path: Path) -> None:
    needed = outside(path) - CARRIED
    if GUARD in inside(path) and "load_scipy" in imported_names(path):
        needed.add("scipy")
    assert needed == set(constants(path).get("REQUIRES", ()))


@pytest.mark.parametrize("path", BESIDE_WORKER, ids=str)
def test_other_packages_are_imported_in_blender_with_a_clear_error(path: Path) -> None:
    """With `load_scipy`; modules that need the packages at import are only for the worker."""
    heavy = {p for p in MODULES if part_of(p) == CORE and outside(p, LOAD) - CARRIED}
    assert path in heavy or not (inside(path, RUN) & heavy or outside(path, RUN) - CARRIED)


@pytest.mark.parametrize("path", PLAIN, ids=str)
def test_worker_modules_never_import_blender(path: Path) -> None:
    assert not outside(path) & BLENDER


def test_registration_needs_only_what_blender_carries() -> None:
    registered = loaded_by(inside(Path("__init__.py")))
    assert len(registered) > 8
    foreign = {path.as_posix(): outside(path, LOAD) - CARRIED for path in registered}
    assert not {path: names for path, names in foreign.items() if names}
    assert not [path for path in registered if is_for_worker(path)]


def test_root_imports_nothing_when_it_is_loaded() -> None:
    assert outside(Path("__init__.py"), LOAD) <= {"types", "typing", "__future__"}
    assert not inside(Path("__init__.py"), LOAD)


@pytest.mark.parametrize("path", PACKAGES, ids=str)
def test_package_files_hold_a_docstring_and_the_import_rule(path: Path) -> None:
    statements = tree(path).body
    assert ast.get_docstring(tree(path))
    assert set(constants(path)) <= {MAY_IMPORT, "IMPORTED_BY_BLENDER"}
    assert len(statements) == 1 + len(constants(path))


def test_every_package_of_ml_says_whether_blender_imports_it() -> None:
    packages = [path for path in PACKAGES if path.parts[0] == "ml" and len(path.parts) == 3]
    assert len(packages) > 8
    says = {path.as_posix(): constants(path).get("IMPORTED_BY_BLENDER") for path in packages}
    assert all(isinstance(answer, bool) for answer in says.values()), says


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=str)
def test_files(path: Path) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 500
    assert ast.get_docstring(tree(path)), "has no docstring"
    assert not [line for line in lines if MACHINE_PATHS.search(line)]


def test_script_is_read_by_an_old_python() -> None:
    text = (ROOT / "make4d").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))
