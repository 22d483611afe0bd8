"""Make sure that the worker gets the packages of our wheels, not those of other extensions.

Blender unpacks the wheels of all extensions into one folder. It keeps the newest version of each
package, and packages that share a module (opencv-python and opencv-python-headless) overwrite each
other, or remove the module with them. Before it imports anything, the worker therefore compares the
installed packages with our wheels, and unpacks for itself the wheels that differ.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution
from pathlib import Path

from ...geometry.core.messages import Message

LARGEST_BYTES = 200_000_000
"""Larger wheels (PyTorch and its CUDA libraries) are not unpacked again for every worker."""
CODE_SUFFIXES = (".py", ".so", ".pyd", ".dll", ".dylib")
"""Files that are compared; everything else in a wheel is data."""

CANNOT_UNPACK = (
    "Make 4D's own packages can't be unpacked ({error}): free some space for temporary files, or "
    "install the extension again."
)
OTHER_VERSION = (
    "Another extension installs {package} {version} instead of {ours}, which Make 4D needs: "
    "disable that extension and restart Blender."
)
NAMED_OTHER_VERSION = (
    "The extension {who} installs {package} {version} instead of {ours}, which Make 4D needs: "
    "disable it and restart Blender."
)


def wheels_of(root: Path) -> list[Path]:
    """Return the extension's wheels for this Python.

    There are none where the extension runs from its source, or in a Blender with another Python.

    Args:
        root: The extension's folder.
    """
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))
    return [root / name for name in manifest.get("wheels", ()) if fits(name)]


def fits(name: str) -> bool:
    """Whether a wheel's tags fit this Python; its platform was chosen when it was packed."""
    python, abi, _ = name.removesuffix(".whl").split("-")[-3:]
    return abi in ("abi3", f"cp{sys.version_info.major}{sys.version_info.minor}") or (
        abi == "none" and "py3" in python.split(".")
    )


def prepare(root: Path, target: Path, folders: Sequence[str]) -> list[Message]:
    """Unpack the wheels that differ from what is installed.

    Args:
        root: The extension's folder.
        target: Where to unpack; it exists afterwards if it must come first on the path.
        folders: The path that packages are imported from.

    Returns:
        Messages about what could not be put right; they explain errors that follow from it.
    """
    try:
        return list(unpack(root, target, folders))
    except (OSError, zipfile.BadZipFile) as error:
        shutil.rmtree(target, ignore_errors=True)
        return [Message(CANNOT_UNPACK, error=error)]


def unpack(root: Path, target: Path, folders: Sequence[str]) -> Iterator[Message]:
    """Unpack the wheels that differ; yields a message for each that is too large for that.

    Raises OSError or BadZipFile. The arguments are those of `prepare`.
    """
    for wheel in wheels_of(root):
        package = installed(wheel, folders)
        if is_same(package, wheel):
            continue
        if package is not None and wheel.stat().st_size > LARGEST_BYTES:
            yield other_version(package, wheel, root)
        else:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)


def installed(wheel: Path, folders: Sequence[str]) -> Distribution | None:
    """Return the installed package with a wheel's name: the first in the folders."""
    name = wheel.name.split("-")[0]
    return next(iter(Distribution.discover(name=name, path=list(folders))), None)


def is_same(package: Distribution | None, wheel: Path) -> bool:
    """Whether an installed package has a wheel's version and all of its code."""
    if package is None or package.version != wheel.name.split("-")[1]:
        return False
    return all(have_same_size(package, wheel))


def have_same_size(package: Distribution, wheel: Path) -> Iterator[bool]:
    """Yield for each file of code in a wheel whether it is installed with the same size."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(CODE_SUFFIXES) and ".data/" not in entry.filename:
                path = Path(str(package.locate_file(entry.filename)))
                yield path.is_file() and path.stat().st_size == entry.file_size


def other_version(package: Distribution, wheel: Path, root: Path) -> Message:
    """Return the message on a large package in another version; it names the extension if found."""
    name, ours = wheel.name.split("-")[:2]
    others = root.parents[1].glob(f"*/*/wheels/{name}-{package.version}-*.whl")
    who = sorted({other.parents[1].name for other in others if other.parents[1] != root})
    if not who:
        return Message(OTHER_VERSION, package=name, version=package.version, ours=ours)
    return Message(
        NAMED_OTHER_VERSION,
        who=", ".join(who),
        package=name,
        version=package.version,
        ours=ours,
    )
