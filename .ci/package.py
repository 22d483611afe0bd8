"""`make4d build`: the extension's zips, and static repositories of them.

Three kinds: light and full, with the wheels of one platform each, and system, without any, for
Blenders that were built with another Python than 3.13. The manifest's lines on platforms, wheels
and permissions are written here, from wheels/lock.json; the source's own manifest has none of the
first two. Wheels are fetched once and kept in the private environment. Blender's own tool
validates, zips and writes the index.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
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
DEVELOPMENT = ("landscapes",)
"""Packages of the source tree that only tests and training use."""
LIGHT, FULL, SYSTEM = "light", "full", "system"
FOR_DOWNLOADS = Path("ml/hub")
"""What only downloads need: the light package has neither it nor the permission."""
SYSTEMS = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
MACHINES = {"x86_64": "x64", "AMD64": "x64", "arm64": "arm64", "aarch64": "arm64"}


class BuildError(Exception):
    """A package can't be built; its text says why."""


def run_build(arguments: list[str]) -> int:
    """Build what the command line asks; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        check_version()
        kind = kind_of(options)
        if options.repository is not None:
            build_repository(options, kind)
        elif kind == SYSTEM:
            tell(build(kind, "", options.folder))
        else:
            for name in options.platform or [this_platform()]:
                tell(build(kind, name, options.folder, options.torch_index))
    except BuildError as error:
        print(f"make4d: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """What can be asked on the command line."""
    asked = argparse.ArgumentParser(prog="make4d build", description="Builds the extension's zips.")
    folder = Path(ROOT / "dist")
    asked.add_argument("folder", nargs="?", type=Path, default=folder, help="where zips go (dist/)")
    asked.add_argument("--platform", action="append", choices=list(lock().PLATFORMS))
    kinds = asked.add_mutually_exclusive_group()
    kinds.add_argument("--full", action="store_true", help="with PyTorch and what models need")
    kinds.add_argument(
        "--system", action="store_true", help="no wheels: the system's packages serve"
    )
    asked.add_argument("--repository", type=Path, help="build all platforms and an index into it")
    hint = "an index with other builds of PyTorch, such as those for CUDA on Windows"
    asked.add_argument("--torch-index", default="", metavar="URL", help=hint)
    return asked


def kind_of(options: argparse.Namespace) -> str:
    """Which package is asked for; raises BuildError where the options don't fit each other."""
    if options.torch_index and not options.full:
        raise BuildError("--torch-index needs --full: no other package brings PyTorch.")
    if options.system and (options.platform or options.repository):
        raise BuildError("The system package is one zip for all platforms, outside a repository.")
    return FULL if options.full else SYSTEM if options.system else LIGHT


def check_version() -> None:
    """Raise BuildError unless the changelog's newest version is the manifest's."""
    version = source_manifest()["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = changelog.partition("\n## [")[2].partition("]")[0]
    if newest != version:
        raise BuildError(f"The manifest is of version {version}, the changelog of {newest}.")


def source_manifest() -> dict[str, str]:
    """The manifest of the source."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


def this_platform() -> str:
    """Blender's name for the system that this runs on; raises BuildError for one without wheels."""
    system, machine = SYSTEMS.get(platform.system(), ""), MACHINES.get(platform.machine(), "")
    name = f"{system}-{machine}"
    if name not in lock().PLATFORMS:
        raise BuildError(f"No wheels are locked for {name}: name another with --platform.")
    return name


def build(kind: str, name: str, folder: Path, torch_index: str = "") -> Path:
    """The zip of a kind for a platform, made in a folder; raises BuildError."""
    kept = Path(sys.prefix) / "wheels"
    wheels = fetched(kind, name, kept / name, torch_index) if kind != SYSTEM else []
    parts = ("make_4d", source_manifest()["version"], kind, name)
    target = folder.absolute() / ("-".join(filter(None, parts)) + ".zip")
    for place in (target.parent, kept):
        place.mkdir(parents=True, exist_ok=True)
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
    """The locked wheels, downloaded into a folder and checked; raises BuildError."""
    script = lock()
    if name not in script.platforms(kind):
        raise BuildError(f"There is no {kind} package for {name}: see wheels/README.md.")
    try:
        wheels = script.load()[kind][name]
        if torch_index:
            wheels = script.resolved(script.KINDS[kind], name, torch_index)
        return list(script.fetch(wheels, name, kept, torch_index))
    except script.LockError as error:
        raise BuildError(str(error)) from error


@cache
def lock() -> ModuleType:
    """The script wheels/lock.py."""
    spec = importlib.util.spec_from_file_location("lock", ROOT / "wheels" / "lock.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["lock"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stage_source(kind: str, stage: Path) -> None:
    """Copy what belongs to a package."""
    shutil.copytree(ROOT, stage, ignore=shutil.ignore_patterns(*LEFT_OUT, *DEVELOPMENT))
    if kind == LIGHT:
        shutil.rmtree(stage / FOR_DOWNLOADS)


def stage_wheels(wheels: list[Path], folder: Path) -> None:
    """Put wheels into a folder on the same disk without copying their gigabytes."""
    folder.mkdir()
    for wheel in wheels:
        os.link(wheel, folder / wheel.name)


def manifest(kind: str, name: str, wheels: list[str]) -> str:
    """The source's manifest with a package's platform, wheels and permissions."""
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    lines = text.splitlines()
    if kind == LIGHT:
        lines = [line for line in lines if not line.startswith("network = ")]
    if wheels:
        paths = [f"./wheels/{wheel}" for wheel in wheels]
        listed = json.dumps(paths, indent=4)  # of plain strings, which TOML writes the same way
        at = lines.index("[permissions]")
        lines[at:at] = [f'platforms = ["{name}"]', f"wheels = {listed}", ""]
    return "\n".join([*lines, ""])


def build_repository(options: argparse.Namespace, kind: str) -> None:
    """A static repository of one kind: zips and index; raises BuildError.

    Zips of older versions in the folder are replaced: an index has one version of an extension.
    """
    folder = options.repository.absolute()
    platforms = options.platform or lock().platforms(kind)
    others = [file.name for file in folder.glob("*.zip") if f"-{kind}-" not in file.name]
    if others:
        raise BuildError(f"{folder} holds {others[0]}: a repository has one kind, name another.")
    for name in platforms:
        built = build(kind, name, folder, options.torch_index)
        for older in folder.glob(f"make_4d-*-{kind}-{name}.zip"):
            if older != built:
                older.unlink()
        tell(built)
    blender_tool(["server-generate", "--repo-dir", str(folder), "--html"])
    print(f"repository: {folder / 'index.json'}")


def tell(archive: Path) -> None:
    """Print a built zip's path and size."""
    print(f"{archive}  {archive.stat().st_size / 1e6:.1f} MB")


def blender_tool(arguments: list[str]) -> None:
    """Run Blender's own extension tool; raises BuildError with what it printed."""
    command = [sys.executable, "-I", str(blender_file(SCRIPT)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"Blender's tool refuses:\n{done.stdout}{done.stderr}")


def blender_file(name: str) -> Path:
    """A file of the bpy package, by its path below the version's folder; raises BuildError."""
    bpy = importlib.util.find_spec("bpy")
    if bpy is None or bpy.origin is None:
        raise BuildError("The package bpy is missing: run this through ./make4d.")
    return next(Path(bpy.origin).parent.glob(f"*/{name}"))
