"""The extension as artists get it: validated, zipped, installed and used in an empty Blender."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest
from clean_blender import MODULE, ROOT, CleanBlender, make_film

pytestmark = pytest.mark.slow

pytest.importorskip("bpy", reason="Blender's module is not installed")

STATES = f"""
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
        "heavy": sorted({{"cv2", "PIL", "scipy", "sklearn", "torch"}} & set(sys.modules)),
        "path": sys.path,
    }}
answer = [state()]
bpy.ops.preferences.addon_disable(module="{MODULE}")
answer.append(state())
bpy.ops.preferences.addon_enable(module="{MODULE}")
answer.append(state())
"""


def test_zip_is_named_after_the_manifest(light: Path) -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert light.name.startswith(f"{manifest['id']}-{manifest['version']}-light-")


def test_light_zip_suits_the_extensions_site(light: Path) -> None:
    archive = zipfile.ZipFile(light)
    manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert light.stat().st_size < 200e6
    assert set(manifest["permissions"]) == {"files"}
    assert len(manifest["platforms"]) == 1
    wheels = {f"./{name}" for name in archive.namelist() if name.endswith(".whl")}
    assert wheels == set(manifest["wheels"])
    assert not any(name.startswith("ml/hub") for name in archive.namelist())


def test_zip_contains_only_the_extension(light: Path) -> None:
    names = set(zipfile.ZipFile(light).namelist())
    parts = ("geometry", "jobs", "ml", "operators", "panels", "render")
    expected = {path.relative_to(ROOT) for part in parts for path in (ROOT / part).rglob("*.py")}
    left_out = ("ml/hub", "ml/training", "geometry/landscapes", "geometry/worlds")
    expected -= {path for path in expected if path.as_posix().startswith(left_out)}
    expected |= {path.relative_to(ROOT) for path in ROOT.glob("render/shaders/*.glsl")}
    expected.add(Path("ml/scene/scene.onnx"))
    assert {path.as_posix() for path in expected} <= names
    assert not any(name.startswith(left_out) for name in names)
    single = {name for name in names if "/" not in name}
    assert {"__init__.py", "blender_manifest.toml", "LICENSE"} <= single
    assert single <= {
        "__init__.py",
        "blender_manifest.toml",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
    }
    assert {name.partition("/")[0] for name in names - single} == {*parts, "wheels"}
    assert {Path(name).suffix for name in names - single} <= {
        ".py",
        ".glsl",
        ".json",
        ".onnx",
        ".whl",
    }


def test_installed_extension_registers_and_unregisters(
    light: Path, clean: CleanBlender, tmp_path: Path
) -> None:
    enabled, disabled, again = clean.ask(STATES, tmp_path / "user", light)
    for state in (enabled, again):
        assert state["enabled"] and state["operator"] and state["settings"] and state["engine"]
        assert Path(state["package"]).is_relative_to(tmp_path)
        assert state["heavy"] == [], "enabling the extension imports what only the worker needs"
        assert not any(Path(folder, "torch").exists() for folder in state["path"])
    assert not any(disabled[part] for part in ("enabled", "operator", "settings", "engine"))


def test_job_runs_from_the_installed_copy(light: Path, clean: CleanBlender, tmp_path: Path) -> None:
    clean.install(light, tmp_path / "user")
    assert clean.unpacks_again(tmp_path / "user") == [False, []]
    film = make_film(clean, tmp_path / "user", tmp_path)
    assert b"ftyp" in film.read_bytes()[:16]
    assert (tmp_path / "scene.blend").stat().st_size > 10_000
    outputs = {path.name for path in tmp_path.iterdir()}
    assert outputs == {"a photo.png", "film.mp4", "scene.blend", "user"}
