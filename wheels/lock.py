"""Resolves, downloads and checks the wheels that the packages carry.

usage: python wheels/lock.py resolve                       write lock.json anew (needs uv)
       python wheels/lock.py fetch KIND PLATFORM FOLDER    download what is locked, hashes checked
       python wheels/lock.py check                         do all locked files fit their platforms?

KIND is light or full. lock.json names for every kind and platform each wheel with its size and
SHA-256; where it lies the index knows, so no address is kept. Not part of the zip.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOCK = HERE / "lock.json"
KINDS = {"light": ("light.txt",), "full": ("light.txt", "full.txt")}
CARRIED = "blender.txt"
PYTHON = "3.13"
# Blender 5.2's platforms as the resolver calls them: its oldest glibc is 2.28.
PLATFORMS = {
    "linux-x64": "x86_64-manylinux_2_28",
    "windows-x64": "x86_64-pc-windows-msvc",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x64": "x86_64-apple-darwin",
}
# PyTorch has no wheel of Python 3.13 for it.
LIGHT_ONLY = ("macos-x64",)
# What a wheel's platform tag has to begin with, and which it may not exceed.
TAGS = {
    "linux-x64": "manylinux",
    "windows-x64": "win_amd64",
    "macos-arm64": "macosx",
    "macos-x64": "macosx",
}
MACHINES = {"macos-arm64": ("arm64", "universal2"), "macos-x64": ("x86_64", "universal2")}

type Wheel = dict[str, Any]
type Lock = dict[str, dict[str, list[Wheel]]]


class LockError(Exception):
    """The lock can't be made or does not hold; its text says why."""


def resolve() -> Lock:
    """The newest versions of all requirements for every kind and platform; raises LockError."""
    return {
        kind: {platform: resolved(files, platform) for platform in platforms(kind)}
        for kind, files in KINDS.items()
    }


def platforms(kind: str) -> list[str]:
    """The platforms that there is a kind for."""
    return [name for name in PLATFORMS if kind == "light" or name not in LIGHT_ONLY]


def resolved(files: tuple[str, ...], platform: str, index: str = "") -> list[Wheel]:
    """The wheels of some requirements on a platform, without what Blender carries.

    index: address of an index that comes before the usual one, for other builds of PyTorch.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "pylock.toml"
        command = [
            sys.executable,
            "-I",
            "-m",
            "uv",
            "pip",
            "compile",
            *(str(HERE / name) for name in files),
            "--quiet",
        ]
        command += ["--constraint", str(HERE / CARRIED), "--only-binary", ":all:"]
        command += ["--python-platform", PLATFORMS[platform], "--python-version", PYTHON]
        command += ["--format", "pylock.toml", "--output-file", str(answer)]
        command += ["--index", index] if index else []
        if subprocess.run(command, check=False).returncode:
            raise LockError(f"Nothing fits {platform}: see above.")
        packages = tomllib.loads(answer.read_text(encoding="utf-8"))["packages"]
    own = carried()
    return [wheel_of(package, platform) for package in packages if package["name"] not in own]


def carried() -> dict[str, str]:
    """Versions of what Blender carries, by name."""
    lines = (HERE / CARRIED).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("==") for line in lines if not line.startswith("#"))
    return {name: version for name, _, version in pairs}


def wheel_of(package: dict[str, Any], platform: str) -> Wheel:
    """What the lock keeps of a resolved package: of several wheels that fit, the most particular.

    Raises LockError where none fits.
    """
    found = {w["url"].rpartition("/")[2].replace("%2B", "+"): w for w in package.get("wheels", ())}
    fitting = sorted(file for file in found if fits(file, platform))
    if not fitting:
        raise LockError(f"{package['name']} has no wheel for {platform}.")
    file = max(fitting, key=newest_system)
    return {
        "name": package["name"],
        "version": package["version"],
        "file": file,
        "size": found[file].get("size", 0),  # some indexes don't tell
        "sha256": found[file]["hashes"]["sha256"],
    }


def newest_system(file: str) -> tuple[int, ...]:
    """The newest version of the system that a wheel's platform tags name."""
    tags = file.removesuffix(".whl").split("-")[-1].split(".")
    numbers = [[int(part) for part in tag.split("_") if part.isdigit()] for tag in tags]
    return max(tuple(number) for number in numbers)


def load() -> Lock:
    """What lock.json says."""
    lock: Lock = json.loads(LOCK.read_text(encoding="utf-8"))
    return lock


def problems(lock: Lock) -> Iterator[str]:
    """Sentences on what is wrong with a lock; none where it holds."""
    own = carried()
    for kind in KINDS:
        for platform in platforms(kind):
            wheels = lock.get(kind, {}).get(platform, [])
            names = [wheel["name"] for wheel in wheels]
            if not wheels or len(set(names)) != len(names):
                yield f"{kind}/{platform}: {len(wheels)} wheels, {len(set(names))} names"
            for wheel in wheels:
                if wheel["name"] in own:
                    yield f"{kind}/{platform}: Blender carries {wheel['name']} itself"
                if not fits(wheel["file"], platform):
                    yield f"{kind}/{platform}: {wheel['file']} is for another platform or Python"


def fits(file: str, platform: str) -> bool:
    """Whether a wheel's tags fit Blender's Python on a platform."""
    if not file.endswith(".whl"):
        return False
    python, abi, system = file.removesuffix(".whl").split("-")[-3:]
    if system == "any":
        return abi == "none" and bool({"py3", "py313"} & set(python.split(".")))
    fits_python = abi in ("cp313", "none") or (abi == "abi3" and python.startswith("cp3"))
    return fits_python and any(tag_fits(tag, platform) for tag in system.split("."))


def tag_fits(tag: str, platform: str) -> bool:
    """Whether a platform tag is of that platform, and not newer than Blender's oldest system."""
    if not tag.startswith(TAGS[platform]):
        return False
    if platform == "linux-x64":
        number = tag.removeprefix("manylinux_").split("_")[:2] if "_x86_64" in tag else ["9", "9"]
        return tag in ("manylinux2014_x86_64", "manylinux1_x86_64") or glibc(number) <= (2, 28)
    return tag.endswith(MACHINES.get(platform, ""))


def glibc(number: list[str]) -> tuple[int, ...]:
    """A version of glibc out of a tag; a large one for what is none."""
    return tuple(map(int, number)) if all(n.isdigit() for n in number) else (99,)


def fetch(wheels: list[Wheel], platform: str, folder: Path, index: str = "") -> list[Path]:
    """Download the wheels that aren't in the folder yet; all are checked against their hashes.

    Raises LockError where one can't be had or is another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [wheel for wheel in wheels if not (folder / wheel["file"]).is_file()]
    if missing:
        download(missing, platform, folder, index)
    for wheel in wheels:
        with (folder / wheel["file"]).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != wheel["sha256"]:
                raise LockError(f"{folder / wheel['file']} is not what is locked: remove it.")
    return [folder / wheel["file"] for wheel in wheels]


def download(wheels: list[Wheel], platform: str, folder: Path, index: str) -> None:
    """Have pip download wheels for a platform that may not be this one, with their hashes."""
    lines = [f"{w['name']}=={w['version']} --hash=sha256:{w['sha256']}" for w in wheels]
    tags = {tag for w in wheels for tag in w["file"].removesuffix(".whl").split("-")[-1].split(".")}
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-I", "-m", "pip", "download", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--python-version", PYTHON, "--quiet"]
        command += ["--disable-pip-version-check", "--dest", str(folder), "--requirement"]
        command += [str(wanted), *(f"--platform={tag}" for tag in sorted(tags))]
        command += ["--extra-index-url", index] if index else []
        if subprocess.run(command, check=False).returncode:
            raise LockError(f"Not all wheels for {platform} could be fetched: see above.")


def main(arguments: list[str]) -> int:
    """Do what the command line asks; returns the exit status."""
    try:
        if arguments == ["resolve"]:
            LOCK.write_text(json.dumps(resolve(), indent=1) + "\n", encoding="utf-8")
        elif arguments[:1] == ["fetch"] and len(arguments) == 4:
            kind, platform, folder = arguments[1:]
            fetch(load()[kind][platform], platform, Path(folder))
            return 0
        elif arguments != ["check"]:
            print(__doc__, file=sys.stderr)
            return 2
        found = list(problems(load()))
    except (LockError, OSError, ValueError, KeyError) as error:
        found = [f"{type(error).__name__}: {error}"]
    print("\n".join(found) or summary(load()))
    return int(bool(found))


def summary(lock: Lock) -> str:
    """A line for every kind and platform: how many wheels, how large."""
    rows = [(k, p, wheels) for k, platforms in lock.items() for p, wheels in platforms.items()]
    return "\n".join(
        f"{kind:6}{platform:13}{len(wheels):4} wheels {megabytes(wheels):8.1f} MB"
        for kind, platform, wheels in rows
    )


def megabytes(wheels: list[Wheel]) -> float:
    """Size of some wheels together."""
    return float(sum(wheel["size"] for wheel in wheels)) / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
