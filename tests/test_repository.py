"""`make4d build`: its options, manifests and packages; Blender installs from its repository."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import json
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from clean_blender import CleanBlender, build
from messages import is_message, raises_message
from project_scripts import project_script
from test_installing import OLD, older
from test_own_packages import save_wheel

pytest.importorskip("bpy", reason="Blender's module is not installed")
ROOT = Path(__file__).resolve().parent.parent

ADD = """
import sys, bpy
bpy.context.preferences.system.use_online_access = True
bpy.ops.preferences.extension_repo_add(name="Make 4D", remote_url=sys.argv[1], type="REMOTE")
at = len(bpy.context.preferences.extensions.repos) - 1
bpy.ops.extensions.repo_sync(repo_index=at)
bpy.ops.extensions.package_install(repo_index=at, pkg_id="make_4d", enable_on_install=True)
bpy.ops.wm.save_userpref()
"""

UPDATE = """
import sys, bpy
bpy.context.preferences.system.use_online_access = True
bpy.ops.extensions.repo_sync_all()
bpy.ops.extensions.package_upgrade_all()
"""

VERSION = """
import sys, tomllib, bpy
from pathlib import Path
name = next(a.module for a in bpy.context.preferences.addons if a.module.endswith(".make_4d"))
file = Path(sys.modules[name].__file__).with_name("blender_manifest.toml")
answer = [tomllib.loads(file.read_text())["version"], "make" in dir(bpy.ops.make_4d)]
"""


@pytest.fixture(scope="module")
def package():
    """The script .ci/package.py as a module."""
    with project_script(".ci/package.py") as module:
        yield module


@pytest.fixture(scope="module")
def repository(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the light package for this platform."""
    folder = tmp_path_factory.mktemp("repository")
    build(folder, "--platform", package.lock().this_platform(), "--repository", str(folder))
    return folder


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on a server of this machine."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("kind", ["light", "full"])
def test_manifest_is_written_from_the_lock(package, kind):
    script = package.lock()
    files = [wheel["file"] for wheel in script.wheels_of(script.load(), kind, "windows-x64")]
    manifest = tomllib.loads(package.manifest(kind, "windows-x64", files))
    source = package.source_manifest()
    assert manifest["platforms"] == ["windows-x64"]
    assert manifest["wheels"] == [f"./wheels/{file}" for file in files]
    assert ("network" in manifest["permissions"]) == (kind == "full")
    assert "wheels" not in source and "platforms" not in source
    same = ("id", "version", "name", "build", "license")
    assert all(manifest[name] == source[name] for name in same)


def test_version_that_is_not_the_changelogs_is_refused(package, monkeypatch, capsys):
    monkeypatch.setattr(package, "source_manifest", lambda: {"version": "9.9.9"})
    assert package.run_build([]) == 1
    assert is_message(capsys.readouterr().err, package.OLD_VERSION, version="9.9.9")


@pytest.mark.parametrize(
    ("arguments", "template"),
    [
        (["--torch-index", "somewhere"], "TORCH_INDEX_NEEDS_FULL"),
        (["--full", "--platform", "macos-x64"], "NO_PACKAGE"),
        (["--system", "--platform", "linux-x64"], "SYSTEM_IS_ONE_ZIP"),
    ],
)
def test_contradicting_options_are_refused(package, arguments, template, capsys):
    assert package.run_build(arguments) == 1
    assert is_message(capsys.readouterr().err, getattr(package, template))


def test_repository_has_one_kind(package, tmp_path, capsys):
    (tmp_path / "make_4d-0.0.1-full-linux-x64.zip").touch()
    assert package.run_build(["--repository", str(tmp_path)]) == 1
    assert is_message(capsys.readouterr().err, package.MIXED_REPOSITORY, folder=tmp_path)


def test_system_without_wheels_is_reported(package, monkeypatch, capsys):
    monkeypatch.setattr(package.lock().platform, "machine", lambda: "riscv64")
    assert package.run_build([]) == 1
    assert is_message(capsys.readouterr().err, package.lock().NO_WHEELS, machine="riscv64")


def test_wheel_with_another_hash_is_refused(package, tmp_path):
    script = package.lock()
    wheel = save_wheel(tmp_path, "pond", "1.0", {"pond.py": ""})
    locked = {"name": "pond", "version": "1.0", "file": wheel.name, "sha256": "0" * 64}
    with raises_message(script.LockError, script.OTHER_WHEEL, path=wheel):
        script.fetch([locked], "linux-x64", tmp_path)


def test_system_package_has_no_wheels(tmp_path):
    with zipfile.ZipFile(build(tmp_path, "--system")) as archive:
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
        assert not any(name.endswith(".whl") for name in archive.namelist())
        assert "ml/hub/download.py" in archive.namelist()
    assert "wheels" not in manifest and "platforms" not in manifest


def test_index_lists_version_platform_and_python(package, repository):
    (entry,) = json.loads((repository / "index.json").read_text(encoding="utf-8"))["data"]
    assert entry["id"] == "make_4d" and entry["version"] == package.source_manifest()["version"]
    assert entry["platforms"] == [package.lock().this_platform()] and entry["python_versions"] == [
        "3.13"
    ]
    assert (repository / "index.html").is_file()


def test_blender_installs_and_updates_from_a_repository(
    package, repository, light, clean: CleanBlender, tmp_path
):
    user, new = tmp_path / "user", next(repository.glob("*.zip"))
    old = older(light, repository)
    new.rename(tmp_path / new.name)
    package.blender_tool(["server-generate", "--repo-dir", str(repository)])
    with served(repository) as address:
        clean.run(ADD, user, f"{address}/index.json")
        assert clean.ask(VERSION, user) == [OLD, True]
        old.unlink()
        (tmp_path / new.name).rename(new)
        package.blender_tool(["server-generate", "--repo-dir", str(repository)])
        clean.run(UPDATE, user)
    assert clean.ask(VERSION, user) == [package.source_manifest()["version"], True]


def test_other_builds_of_pytorch_come_from_another_index(package, tmp_path):
    script, index = package.lock(), tmp_path / "index" / "torch"
    tags = "cp313-cp313-win_amd64"
    wheel = save_wheel(index, "torch", "99.0+cu130", {"torch/__init__.py": ""}, tags)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    name = wheel.name.replace("+", "%2B")
    (index / "index.html").write_text(f'<a href="{name}#sha256={digest}">{wheel.name}</a>')
    groups = '[dependency-groups]\nblender = ["numpy==2.3.4"]\nfull = ["torch"]\n'
    (tmp_path / "pyproject.toml").write_text(groups)
    with served(tmp_path / "index") as address:
        wheels = script.resolve_group("full", "windows-x64", address, root=tmp_path)
        assert [(one["version"], one["sha256"]) for one in wheels] == [("99.0+cu130", digest)]
        (fetched,) = script.fetch(wheels, "windows-x64", tmp_path / "kept", address)
    assert fetched.name == wheel.name
