"""The extension as artists get it: validated, zipped, installed in an empty Blender, at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("bpy", reason="Blender's module is not installed")
ROOT = Path(__file__).resolve().parent.parent
MODULE = "bl_ext.user_default.make_4d"

INSTALL = f"""
import json, sys, bpy
bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True
)
def state():
    engines = [cls for cls in bpy.types.RenderEngine.__subclasses__() if cls.is_registered]
    return {{
        "enabled": "{MODULE}" in bpy.context.preferences.addons,
        "operator": "make" in dir(bpy.ops.make_4d),
        "settings": hasattr(bpy.types.Scene, "make_4d"),
        "engine": any(getattr(cls, "bl_idname", "") == "MAKE_4D" for cls in engines),
        "package": getattr(sys.modules.get("{MODULE}"), "__file__", ""),
        "heavy": sorted({{"cv2", "scipy", "sklearn", "torch"}} & set(sys.modules)),
    }}
states = [state()]
bpy.ops.preferences.addon_disable(module="{MODULE}")
states.append(state())
bpy.ops.preferences.addon_enable(module="{MODULE}")
states.append(state())
print("STATES" + json.dumps(states))
"""

JOB = f"""
import importlib, sys, bpy, addon_utils
addon_utils.enable("{MODULE}")
command = importlib.import_module("{MODULE}.operators.command")
sys.exit(command.main(sys.argv[1:]))
"""


def python(arguments: list[str], resources: Path) -> str:
    """What a Python with an own folder for Blender's settings prints; fails where it fails."""
    done = subprocess.run(
        [sys.executable, "-I", *arguments],
        env=os.environ | {"BLENDER_USER_RESOURCES": str(resources)},
        cwd=resources,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's zip, validated and built with the project's own command."""
    folder = tmp_path_factory.mktemp("built")
    python([str(ROOT / ".ci" / "tasks.py"), "build", str(folder)], folder)
    (archive,) = folder.glob("*.zip")
    return archive


@pytest.fixture(scope="module")
def resources(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Blender's settings in which the extension is installed."""
    folder = tmp_path_factory.mktemp("user")
    printed = python(["-c", INSTALL, str(package)], folder)
    (states,) = (line for line in printed.splitlines() if line.startswith("STATES"))
    (folder / "states.json").write_text(states.removeprefix("STATES"))
    return folder


def test_zip_is_named_by_the_manifest(package: Path) -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert package.name == f"{manifest['id']}-{manifest['version']}.zip"


def test_zip_holds_the_extension_alone(package: Path) -> None:
    names = set(zipfile.ZipFile(package).namelist())
    parts = ("geometry", "ml", "operators", "panels", "render")
    wanted = {path.relative_to(ROOT) for part in parts for path in (ROOT / part).rglob("*.py")}
    wanted |= {path.relative_to(ROOT) for path in ROOT.glob("render/shaders/*.glsl")}
    assert {path.as_posix() for path in wanted} <= names
    single = {name for name in names if "/" not in name}
    assert {"__init__.py", "blender_manifest.toml", "LICENSE"} <= single
    assert single <= {
        "__init__.py",
        "blender_manifest.toml",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
    }
    assert {name.partition("/")[0] for name in names - single} == set(parts)
    assert {Path(name).suffix for name in names - single} <= {".py", ".glsl", ".json"}


def test_installed_extension_registers_and_leaves(resources: Path) -> None:
    enabled, disabled, again = json.loads((resources / "states.json").read_text())
    for state in (enabled, again):
        assert state["enabled"] and state["operator"] and state["settings"] and state["engine"]
        assert Path(state["package"]).is_relative_to(resources)
        assert state["heavy"] == [], "enabling the extension loads what only the worker needs"
    assert not any(disabled[part] for part in ("enabled", "operator", "settings", "engine"))


def test_job_runs_from_the_installed_copy(resources: Path, tmp_path: Path) -> None:
    photo = np.full((48, 64, 3), 200, np.uint8)
    photo[24:] = np.random.default_rng(1).integers(40, 120, (24, 64, 3))
    ok, data = cv2.imencode(".png", photo)
    assert ok
    (tmp_path / "a photo.png").write_bytes(data.tobytes())
    film, blend = tmp_path / "film.mp4", tmp_path / "scene.blend"
    options = ["--size", "64", "--frames", "2", "-o", str(film), "--blend", str(blend)]
    python(["-c", JOB, str(tmp_path / "a photo.png"), *options], resources)
    assert b"ftyp" in film.read_bytes()[:16]
    assert blend.stat().st_size > 10_000
    outputs = {path.name for path in tmp_path.iterdir()}
    assert outputs == {"a photo.png", "film.mp4", "scene.blend"}
