"""Shared fixtures: the add-on as `make_4d`, trial photographs, an empty Blender.

The suite runs in several processes (pytest-xdist), each file in one of them. Every process has a
Blender user folder of its own.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from clean_blender import CleanBlender, build

ROOT = Path(__file__).resolve().parent.parent
if "PYTEST_XDIST_WORKER" in os.environ:  # each of several test processes has its own settings
    os.environ.pop("BLENDER_USER_RESOURCES", None)
if "PYTEST_XDIST_WORKER" in os.environ or "BLENDER_USER_RESOURCES" not in os.environ:
    os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="make-4d-test-")


def _load_package() -> ModuleType:
    """Load the repository root as the package `make_4d`, whatever its folder is called."""
    spec = importlib.util.spec_from_file_location(
        "make_4d", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_4d"] = module
    spec.loader.exec_module(module)
    return module


PACKAGE = _load_package()


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of trial photographs and views; the test is skipped if it is missing."""
    folder = Path(os.environ.get("MAKE_4D_SHARED", ROOT.parent / "shared"))
    if not (folder / "photos").is_dir():
        pytest.skip("the trial photographs are not on this machine")
    return folder


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> CleanBlender:
    """A Blender without any other packages than its own."""
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    return CleanBlender(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The light package for this platform, built with the project's own command."""
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """A function that makes a folder read-only, also for the superuser of a container."""
    folders: list[Path] = []
    make_temporary, set_times = tempfile.mkdtemp, os.utime

    def is_inside(path: object) -> bool:
        return any(Path(str(path)).is_relative_to(folder) for folder in folders)

    def mkdtemp(suffix: Any = None, prefix: Any = None, dir: Any = None) -> str:
        if dir is not None and is_inside(dir):
            raise PermissionError(errno.EACCES, "Permission denied", str(dir))
        return make_temporary(suffix, prefix, dir)

    def utime(path: Any, *arguments: Any, **named: Any) -> None:
        if is_inside(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        set_times(path, *arguments, **named)

    def make_read_only(folder: Path) -> None:
        folders.append(folder)
        folder.chmod(0o555)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    monkeypatch.setattr(os, "utime", utime)
    yield make_read_only
    for folder in folders:
        folder.chmod(0o755)


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded random generator."""
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def addon():
    """The add-on, registered with Blender like an enabled extension."""
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    import make_4d

    make_4d.register()
    yield make_4d
    make_4d.unregister()


@pytest.fixture
def empty_blend():
    """The module bpy with an empty file; the test is skipped without bpy."""
    bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy


@pytest.fixture
def make_scene_data():
    """The function `synthetic.make_scene_data`, which makes a small synthetic scene."""
    import synthetic

    return synthetic.make_scene_data


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options for tests that don't run by default."""
    parser.addoption("--full-package", action="store_true", help="also test the full package")
    parser.addoption("--window", action="store_true", help="run the tests in a Blender window")
    parser.addoption(
        "--window-pictures", metavar="FOLDER", help="save their screenshots to a folder"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that download gigabytes unless chosen with -m hub; put slow files first.

    The slow files come first so that no process is still busy with one when the others have nothing
    left to do.
    """
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)
    if "hub" in config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="downloads models from the hub; runs only with -m hub")
    for item in items:
        if item.get_closest_marker("hub"):
            item.add_marker(skip)
