"""`make4d build`: the extension's zips, and static repositories of them.

There are three kinds of package: light and full, which carry the wheels of one platform, and
system, without wheels, for Blenders built with a Python other than 3.13. This script writes the
manifest's lines on platforms, wheels and permissions from wheels/lock.json; the manifest in the
source tree has neither platforms nor wheels. Downloaded wheels are kept in the private environment.
Blender's own tool validates and zips the package, and writes the repository's index.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = "scripts/addons_core/bl_pkg/cli/blender_ext.py"
VALID_TAGS = "scripts/modules/_bpy_internal/extensions/tags.py"
LEFT_OUT = (".*", "__pycache__", "dist", "docs", "tests", "wheels")
DEVELOPMENT = ("landscapes", "training", "worlds")
"""Packages of the source tree that only tests and training use."""
LIGHT, FULL, SYSTEM = "light", "full", "system"
DOWNLOADS = Path("ml/hub")
"""The code that downloads models: left out of the light package, with its permission."""
OLD_VERSION = "The manifest's version is {version}, the changelog's newest is {newest}."
TORCH_INDEX_NEEDS_FULL = "--torch-index needs --full: no other package contains PyTorch."
SYSTEM_IS_ONE_ZIP = "The system package is one zip for all platforms and needs no repository."
NO_PACKAGE = "There is no {kind} package for {name}: see wheels/README.md."
MIXED_REPOSITORY = "{folder} contains {file}: a repository has one kind of package, use another."
TOOL_REFUSED = "Blender's extension tool reports:\n{output}"
NO_BPY = "The package bpy is missing: run this through ./make4d."


class BuildError(Exception):
    """A package can't be built; the text says why."""


def run_build(arguments: list[str]) -> int:
    """Run the command line and return the exit status."""
    options = parser().parse_args(arguments)
    try:
        check_version()
        kind = kind_of(options)
        if options.repository is not None:
            build_repository(options, kind)
        elif kind == SYSTEM:
            report(build(kind, "", options.folder))
        else:
            for name in options.platform or [lock().this_platform()]:
                report(build(kind, name, options.folder, options.torch_index))
    except (BuildError, lock().LockError) as error:
        print(f"make4d: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="make4d build", description="Build the extension's zips.")
    folder = Path(ROOT / "dist")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=folder, help="output folder (dist/)"
    )
    parser.add_argument("--platform", action="append", choices=list(lock().PLATFORMS))
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--full", action="store_true", help="with PyTorch, for pretrained models")
    kinds.add_argument(
        "--system", action="store_true", help="without wheels, for a system's Python"
    )
    parser.add_argument("--repository", type=Path, help="build all platforms and an index into it")
    hint = "an index with other builds of PyTorch, such as those for CUDA on Windows"
    parser.add_argument("--torch-index", default="", metavar="URL", help=hint)
    return parser


def kind_of(options: argparse.Namespace) -> str:
    """Return the requested kind of package; raises BuildError for options that contradict."""
    if options.torch_index and not options.full:
        raise BuildError(TORCH_INDEX_NEEDS_FULL)
    if options.system and (options.platform or options.repository):
        raise BuildError(SYSTEM_IS_ONE_ZIP)
    return FULL if options.full else SYSTEM if options.system else LIGHT


def check_version() -> None:
    """Raise BuildError unless the changelog's newest version is the manifest's."""
    version = source_manifest()["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = changelog.partition("\n## [")[2].partition("]")[0]
    if newest != version:
        raise BuildError(OLD_VERSION.format(version=version, newest=newest))


def source_manifest() -> dict[str, str]:
    """Return the manifest of the source tree."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


def build(kind: str, name: str, folder: Path, torch_index: str = "") -> Path:
    """Build the zip of a kind for a platform into a folder; raises BuildError or LockError."""
    kept = Path(sys.prefix) / "wheels"
    wheels = fetched(kind, name, kept / name, torch_index) if kind != SYSTEM else []
    parts = ("make_4d", source_manifest()["version"], kind, name)
    target = folder.absolute() / ("-".join(filter(None, parts)) + ".zip")
    for parent in (target.parent, kept):
        parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as scratch:
        stage = Path(scratch) / "make_4d"
        stage_source(kind, stage)
        stage_wheels(wheels, stage / "wheels")
        text = manifest(kind, name, [wheel.name for wheel in wheels])
        (stage / "blender_manifest.toml").write_text(text, encoding="utf-8")
        tags = ["--valid-tags", str(blender_file(VALID_TAGS))]
        blender_tool(["validate", *tags, str(stage)])
        blender_tool(["build", "--source-dir", str(stage), "--output-filepath", str(target), *tags])
    return target


def fetched(kind: str, name: str, kept: Path, torch_index: str) -> list[Path]:
    """Return the locked wheels, downloaded into a folder; raises BuildError or LockError."""
    script = lock()
    if name not in script.platforms(kind):
        raise BuildError(NO_PACKAGE.format(kind=kind, name=name))
    if torch_index:
        wheels = script.resolve_group(kind, name, torch_index)
    else:
        wheels = script.wheels_of(script.load(), kind, name)
    return list(script.fetch(script.bundled(wheels), name, kept, torch_index))


@cache
def lock() -> ModuleType:
    """Return the script wheels/lock.py as a module."""
    spec = importlib.util.spec_from_file_location("lock", ROOT / "wheels" / "lock.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["lock"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stage_source(kind: str, stage: Path) -> None:
    """Copy the files of the source tree that belong to a package."""
    shutil.copytree(ROOT, stage, ignore=shutil.ignore_patterns(*LEFT_OUT, *DEVELOPMENT))
    if kind == LIGHT:
        shutil.rmtree(stage / DOWNLOADS)


def stage_wheels(wheels: list[Path], folder: Path) -> None:
    """Link wheels into a folder on the same disk, which avoids copying gigabytes."""
    folder.mkdir()
    for wheel in wheels:
        os.link(wheel, folder / wheel.name)


def manifest(kind: str, name: str, wheels: list[str]) -> str:
    """Return the text of the manifest with a package's platform, wheels and permissions."""
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    lines = text.splitlines()
    if kind == LIGHT:
        lines = [line for line in lines if not line.startswith("network = ")]
    if wheels:
        paths = [f"./wheels/{wheel}" for wheel in wheels]
        listed = json.dumps(paths, indent=4)  # TOML writes lists of plain strings the same way
        at = lines.index("[permissions]")
        lines[at:at] = [f'platforms = ["{name}"]', f"wheels = {listed}", ""]
    return "\n".join([*lines, ""])


def build_repository(options: argparse.Namespace, kind: str) -> None:
    """Build a static repository of one kind: zips and index; raises BuildError or LockError.

    Replaces older versions in the folder: an index lists one version of an extension.
    """
    folder = options.repository.absolute()
    platforms = options.platform or lock().platforms(kind)
    others = [file.name for file in folder.glob("*.zip") if f"-{kind}-" not in file.name]
    if others:
        raise BuildError(MIXED_REPOSITORY.format(folder=folder, file=others[0]))
    for name in platforms:
        built = build(kind, name, folder, options.torch_index)
        for older in folder.glob(f"make_4d-*-{kind}-{name}.zip"):
            if older != built:
                older.unlink()
        report(built)
    blender_tool(["server-generate", "--repo-dir", str(folder), "--html"])
    print(f"repository: {folder / 'index.json'}")


def report(archive: Path) -> None:
    """Print the path and size of a built zip."""
    print(f"{archive}  {archive.stat().st_size / 1e6:.1f} MB")


def blender_tool(arguments: list[str]) -> None:
    """Run Blender's own extension tool; raises BuildError with its output."""
    command = [sys.executable, "-I", str(blender_file(SCRIPT)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(TOOL_REFUSED.format(output=done.stdout + done.stderr))


def blender_file(name: str) -> Path:
    """Find a file of the bpy package by its path below the version's folder; raises BuildError."""
    bpy = importlib.util.find_spec("bpy")
    if bpy is None or bpy.origin is None:
        raise BuildError(NO_BPY)
    return next(Path(bpy.origin).parent.glob(f"*/{name}"))
