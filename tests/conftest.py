"""Shared fixtures: the add-on as `make_4d`, trial photographs, an empty Blender."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from clean_blender import CleanBlender, build

ROOT = Path(__file__).resolve().parent.parent
if "PYTEST_XDIST_WORKER" in os.environ:  # each of several test processes has its own settings
    os.environ.pop("BLENDER_USER_RESOURCES", None)
os.environ.setdefault("BLENDER_USER_RESOURCES", tempfile.mkdtemp(prefix="make-4d-test-"))


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
    """The folder of trial photographs and views; the test is skipped where it is absent."""
    folder = Path(os.environ.get("MAKE_4D_SHARED", ROOT.parent / "shared"))
    if not (folder / "photos").is_dir():
        pytest.skip("the trial photographs are not on this machine")
    return folder


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> CleanBlender:
    """A Blender with nothing but what Blender carries."""
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    return CleanBlender(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The light package of this platform, built with the project's own command."""
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded random generator."""
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def addon():
    """The add-on registered with Blender, as an enabled extension is."""
    pytest.importorskip("bpy", reason="Blender's module is not installed")
    import make_4d

    make_4d.register()
    yield make_4d
    make_4d.unregister()


@pytest.fixture
def empty_blend():
    """Blender's module with an empty file; the test is skipped where there is no Blender."""
    bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy


@pytest.fixture
def make_scene_data():
    """The function `synthetic.make_flight`: a small made-up flight."""
    import synthetic

    return synthetic.make_scene_data


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is left out unless it is asked for."""
    parser.addoption("--full-package", action="store_true", help="test the full package as well")
    parser.addoption("--window", action="store_true", help="run the tests in a Blender window")
    parser.addoption("--window-pictures", metavar="FOLDER", help="keep their screenshots here")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that download gigabytes run only when they are asked for by name."""
    if "hub" in config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="downloads models from the hub: asked for with -m hub only")
    for item in items:
        if item.get_closest_marker("hub"):
            item.add_marker(skip)
