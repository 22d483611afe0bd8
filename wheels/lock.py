"""Lock, download and check the wheels of the extension's packages and of the command `make4d`.

usage: python wheels/lock.py resolve [--upgrade]          write lock.json (needs uv)
       python wheels/lock.py fetch GROUP PLATFORM FOLDER  download what a package carries
       python wheels/lock.py check                        look for mistakes in lock.json

GROUP is one of pyproject.toml's dependency groups, PLATFORM one of Blender's names. `resolve` keeps
the locked versions as long as they satisfy pyproject.toml; `--upgrade` takes the newest ones.

lock.json lists, for each platform, one wheel of every package: version, file name, size, SHA-256,
and the groups that need it. It contains no addresses: the package index is the user's choice. This
script is not part of the zip.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypedDict

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "wheels" / "lock.json"
PYTHON = "3.13"
GROUPS = ("blender", "light", "full", "run", "train", "test")
"""The dependency groups of pyproject.toml."""
BLENDER = "blender"
"""The group of what Blender itself carries: it constrains all others and is never bundled."""
KINDS = ("light", "full")
"""The groups that packages of the extension carry, under the names of these packages."""
# Blender 5.2's platforms as the resolver calls them; its oldest glibc is 2.28.
PLATFORMS = {
    "linux-x64": "x86_64-manylinux_2_28",
    "windows-x64": "x86_64-pc-windows-msvc",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x64": "x86_64-apple-darwin",
}
# For macOS on Intel processors there is neither PyTorch nor Blender's module for Python 3.13.
LIGHT_ONLY = ("macos-x64",)
# The beginning of the platform tags that fit a platform.
TAGS = {
    "linux-x64": "manylinux",
    "windows-x64": "win_amd64",
    "macos-arm64": "macosx",
    "macos-x64": "macosx",
}
MACHINE_TAGS = {"macos-arm64": ("arm64", "universal2"), "macos-x64": ("x86_64", "universal2")}
SYSTEMS = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
MACHINES = {"x86_64": "x64", "AMD64": "x64", "arm64": "arm64", "aarch64": "arm64"}
# What can be wrong with a lock, or with its use.
NO_WHEELS = (
    "No wheels are locked for {system} on {machine}: use 64-bit Windows, Linux with glibc 2.28, or "
    "macOS on Apple silicon."
)
NO_GROUP = "The group '{group}' is not locked for {platform}: see wheels/README.md."
LOCKED_TWICE = "{platform}: {name} is locked twice"
NO_HASH = "{platform}: {name} has no SHA-256"
WRONG_WHEEL = "{platform}: {file} is for another platform or Python"
NOT_LOCKED = "{platform}: {requirement} is not locked in the group '{group}'"
OTHER_VERSION = "{platform}: {name} {version} is locked, but pyproject.toml has {requirement}"
UNRESOLVED = "The groups {groups} can't be resolved for {platform}."
NOTHING_FITS = "{name} has no wheel for {platform}."
OTHER_WHEEL = "{path} is not the locked wheel: remove it."
NOT_FETCHED = "Not all wheels for {platform} could be fetched: see above."


class Wheel(TypedDict):
    """A locked wheel; `size` is in bytes, 0 where the index does not tell it."""

    name: str
    version: str
    file: str
    size: int
    sha256: str
    groups: list[str]


type Lock = dict[str, list[Wheel]]


class LockError(Exception):
    """The lock can't be made or used; the text says why."""


def load() -> Lock:
    """Read lock.json: the wheels of each platform."""
    lock: Lock = json.loads(LOCK.read_text(encoding="utf-8"))
    return lock


def save(lock: Lock) -> None:
    """Write lock.json, one wheel a line."""
    blocks = (
        f'"{name}": [\n' + ",\n".join(f" {json.dumps(wheel)}" for wheel in wheels) + "\n]"
        for name, wheels in lock.items()
    )
    LOCK.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


def this_platform() -> str:
    """Return Blender's name for this system; raises LockError for a system without wheels."""
    system, machine = SYSTEMS.get(platform.system(), ""), MACHINES.get(platform.machine(), "")
    name = f"{system}-{machine}"
    if name not in PLATFORMS:
        raise LockError(NO_WHEELS.format(system=platform.system(), machine=platform.machine()))
    return name


def groups_on(platform: str) -> tuple[str, ...]:
    """Return the dependency groups that are locked for a platform."""
    return ("light",) if platform in LIGHT_ONLY else GROUPS


def platforms(group: str) -> list[str]:
    """Return the platforms that a dependency group is locked for."""
    return [name for name in PLATFORMS if group in groups_on(name)]


def wheels_of(lock: Lock, group: str, platform: str) -> list[Wheel]:
    """Return the wheels of a dependency group; raises LockError where it is not locked."""
    if group not in groups_on(platform):
        raise LockError(NO_GROUP.format(group=group, platform=platform))
    return [wheel for wheel in lock[platform] if group in wheel["groups"]]


def bundled(wheels: Iterable[Wheel]) -> list[Wheel]:
    """Return the wheels that a package of the extension carries: those that Blender does not."""
    carried = direct_requirements(BLENDER)
    return [wheel for wheel in wheels if wheel["name"] not in carried]


def requirements(wheels: Iterable[Wheel]) -> str:
    """Return a requirements file for pip, with a hash for each wheel."""
    return "".join(
        f"{wheel['name']}=={wheel['version']} --hash=sha256:{wheel['sha256']}\n" for wheel in wheels
    )


def direct_requirements(group: str, root: Path = ROOT) -> dict[str, str]:
    """Return a group's requirements in pyproject.toml by normalized name, without other groups."""
    groups = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [line for line in groups["dependency-groups"][group] if isinstance(line, str)]
    names = (re.match(r"[\w.-]+", line) for line in lines)
    return {normalized(name.group()): line for name, line in zip(names, lines, strict=True) if name}


def normalized(name: str) -> str:
    """Return the canonical form of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def resolve(upgrade: bool = False) -> Lock:
    """Resolve all groups for every platform; raises LockError.

    Args:
        upgrade: Take the newest versions instead of keeping the locked ones.
    """
    known = {} if upgrade or not LOCK.exists() else load()
    return {name: resolve_platform(name, known.get(name, [])) for name in PLATFORMS}


def resolve_platform(platform: str, preferred: list[Wheel]) -> list[Wheel]:
    """Resolve a platform's groups together, so that a package has one version in all of them."""
    with tempfile.TemporaryDirectory() as folder:
        versions = (
            Path(folder) / "versions.txt"
        )  # the resolver prefers the versions in its output file
        pins = (f"{wheel['name']}=={wheel['version']}\n" for wheel in preferred)
        versions.write_text("".join(pins), encoding="utf-8")
        compile_groups(groups_on(platform), platform, versions)
        wheels: dict[str, Wheel] = {}
        for group in groups_on(platform):
            for wheel in resolve_group(group, platform, constraints=(versions,)):
                wheels.setdefault(wheel["name"], wheel | {"groups": []})["groups"].append(group)
    return sorted(wheels.values(), key=lambda wheel: wheel["name"])


def resolve_group(
    group: str,
    platform: str,
    index: str = "",
    constraints: tuple[Path, ...] = (),
    root: Path = ROOT,
) -> list[Wheel]:
    """Resolve one dependency group for a platform; raises LockError.

    Args:
        index: Address of an index that comes before the default one, for other builds of
            PyTorch.
        constraints: Files of version constraints, in addition to what Blender carries.
        root: The folder of pyproject.toml.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "pylock.toml"
        compile_groups((group,), platform, answer, index, constraints, root)
        packages = tomllib.loads(answer.read_text(encoding="utf-8")).get("packages", [])
    return [{**wheel_of(package, platform), "groups": [group]} for package in packages]


def compile_groups(
    groups: tuple[str, ...],
    platform: str,
    output: Path,
    index: str = "",
    constraints: tuple[Path, ...] = (),
    root: Path = ROOT,
) -> None:
    """Have uv write the resolution of some groups into a file; raises LockError."""
    carried = output.with_name("blender.txt")
    carried.write_text("\n".join(direct_requirements(BLENDER, root).values()), encoding="utf-8")
    command = [sys.executable, "-I", "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
    command += [f"--group={group}" for group in groups]
    command += [f"--constraint={path}" for path in (carried, *constraints)]
    command += ["--only-binary=:all:", "--no-annotate", f"--output-file={output}"]
    command += [f"--python-platform={PLATFORMS[platform]}", f"--python-version={PYTHON}"]
    command += ["--format=pylock.toml"] if output.suffix == ".toml" else []
    command += [f"--index={index}"] if index else []
    if subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, check=False).returncode:
        raise LockError(UNRESOLVED.format(groups=", ".join(groups), platform=platform))


def wheel_of(package: dict[str, Any], platform: str) -> Wheel:
    """Choose the wheel of a resolved package with the newest platform tag that fits.

    Raises LockError where none fits.
    """
    files = {w["url"].rpartition("/")[2].replace("%2B", "+"): w for w in package.get("wheels", ())}
    fitting = sorted(file for file in files if fits(file, platform))
    if not fitting:
        raise LockError(NOTHING_FITS.format(name=package["name"], platform=platform))
    file = max(fitting, key=newest_system)
    return {
        "name": package["name"],
        "version": package["version"],
        "file": file,
        "size": files[file].get("size", 0),
        "sha256": files[file]["hashes"]["sha256"],
        "groups": [],
    }


def newest_system(file: str) -> tuple[int, ...]:
    """Return the newest version of the system that a wheel's platform tags name."""
    tags = file.removesuffix(".whl").split("-")[-1].split(".")
    numbers = [[int(part) for part in tag.split("_") if part.isdigit()] for tag in tags]
    return max(tuple(number) for number in numbers)


def problems(lock: Lock) -> Iterator[str]:
    """Yield a sentence for every mistake in a lock."""
    for target in PLATFORMS:
        wheels = lock.get(target, [])
        names = Counter(wheel["name"] for wheel in wheels)
        for name in (name for name, count in names.items() if count > 1):
            yield LOCKED_TWICE.format(platform=target, name=name)
        for wheel in wheels:
            if not re.fullmatch(r"[0-9a-f]{64}", wheel["sha256"]):
                yield NO_HASH.format(platform=target, name=wheel["name"])
            if not fits(wheel["file"], target):
                yield WRONG_WHEEL.format(platform=target, file=wheel["file"])
        for group in groups_on(target):
            yield from unmet(wheels, group, target)


def unmet(wheels: list[Wheel], group: str, platform: str) -> Iterator[str]:
    """Yield a sentence for every requirement of pyproject.toml that a platform's lock misses."""
    from packaging.requirements import Requirement

    locked = {wheel["name"]: wheel["version"] for wheel in wheels if group in wheel["groups"]}
    for name, line in direct_requirements(group).items():
        facts = {"platform": platform, "requirement": line, "group": group, "name": name}
        if name not in locked:
            yield NOT_LOCKED.format(**facts)
        elif locked[name] not in Requirement(line).specifier:
            yield OTHER_VERSION.format(**facts, version=locked[name])


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
    """Whether a platform tag names a platform, and no newer system than Blender's oldest."""
    if not tag.startswith(TAGS[platform]):
        return False
    if platform == "linux-x64":
        number = tag.removeprefix("manylinux_").split("_")[:2] if "_x86_64" in tag else ["9", "9"]
        return tag in ("manylinux2014_x86_64", "manylinux1_x86_64") or glibc(number) <= (2, 28)
    return tag.endswith(MACHINE_TAGS.get(platform, ""))


def glibc(number: list[str]) -> tuple[int, ...]:
    """Return the version of glibc in a tag; a large one for a tag that names none."""
    return tuple(map(int, number)) if all(n.isdigit() for n in number) else (99,)


def fetch(wheels: list[Wheel], platform: str, folder: Path, index: str = "") -> list[Path]:
    """Download the wheels that a folder lacks, check the hashes of all, and return their paths.

    Raises LockError where a wheel can't be downloaded or is not the locked one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [wheel for wheel in wheels if not (folder / wheel["file"]).is_file()]
    if missing:
        download(missing, platform, folder, index)
    for wheel in wheels:
        with (folder / wheel["file"]).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != wheel["sha256"]:
                raise LockError(OTHER_WHEEL.format(path=folder / wheel["file"]))
    return [folder / wheel["file"] for wheel in wheels]


def download(wheels: list[Wheel], platform: str, folder: Path, index: str) -> None:
    """Have pip download wheels for a platform that may not be this one.

    They appear in the folder when they are complete, since other processes may look for them.
    """
    tags = {tag for w in wheels for tag in w["file"].removesuffix(".whl").split("-")[-1].split(".")}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        listed = Path(scratch) / "requirements.txt"
        listed.write_text(requirements(wheels), encoding="utf-8")
        command = [sys.executable, "-I", "-m", "pip", "download", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--python-version", PYTHON, "--quiet"]
        command += ["--disable-pip-version-check", "--dest", scratch, "--requirement"]
        command += [str(listed), *(f"--platform={tag}" for tag in sorted(tags))]
        command += ["--extra-index-url", index] if index else []
        # The versions are exact: constraints in a user's configuration could only contradict them.
        variables = os.environ | {"PIP_CONSTRAINT": os.devnull}
        if subprocess.run(command, env=variables, check=False).returncode:
            raise LockError(NOT_FETCHED.format(platform=platform))
        for path in Path(scratch).glob("*.whl"):
            path.replace(folder / path.name)


def main(arguments: list[str]) -> int:
    """Run a command line and return its exit status."""
    try:
        if arguments[:1] == ["resolve"] and arguments[1:] in ([], ["--upgrade"]):
            save(resolve(upgrade=bool(arguments[1:])))
        elif arguments[:1] == ["fetch"] and len(arguments) == 4:
            group, platform, folder = arguments[1:]
            fetch(bundled(wheels_of(load(), group, platform)), platform, Path(folder))
            return 0
        elif arguments != ["check"]:
            print(__doc__, file=sys.stderr)
            return 2
        mistakes = list(problems(load()))
    except (LockError, OSError, ValueError, KeyError) as error:
        mistakes = [f"{type(error).__name__}: {error}"]
    print("\n".join(mistakes) or summary(load()))
    return int(bool(mistakes))


def summary(lock: Lock) -> str:
    """Return a line for each platform and group: how many wheels, and how large they are."""
    rows = ((name, group) for name in lock for group in groups_on(name))
    listed = ((name, group, wheels_of(lock, group, name)) for name, group in rows)
    return "\n".join(
        f"{name:13}{group:9}{len(wheels):4} wheels {megabytes(wheels):8.1f} MB"
        for name, group, wheels in listed
    )


def megabytes(wheels: list[Wheel]) -> float:
    """Return the size of some wheels together."""
    return sum(wheel["size"] for wheel in wheels) / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
