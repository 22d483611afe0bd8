"""The packages of our wheels, whatever other extensions bring of them.

Blender unpacks the wheels of all extensions into one folder. Of two versions it keeps the newer,
and two packages that share a module (opencv-python and opencv-python-headless) overwrite each
other, or take it away with them. The worker therefore looks, before it imports anything, whether
what it would get is what our wheels hold, and unpacks the others from the wheels for itself.
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
"""Larger wheels (PyTorch and what it needs of CUDA) are not unpacked again for every worker."""
CHECKED = (".py", ".so", ".pyd", ".dll", ".dylib")
"""What a package's files are told apart by; the rest is data."""

foreign: list[Message] = []
"""Sentences on packages of others that have to serve, for the report of an error."""


def wheels_of(root: Path) -> list[Path]:
    """Wheels that the extension in the folder `root` brings for this Python; none where it runs
    from its source, or in a Blender with another Python."""
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))
    return [root / name for name in manifest.get("wheels", ()) if fits(name)]


def fits(name: str) -> bool:
    """Whether a wheel's tags name this Python; its platform was chosen when it was packed."""
    python, abi, _ = name.removesuffix(".whl").split("-")[-3:]
    return abi in ("abi3", f"cp{sys.version_info.major}{sys.version_info.minor}") or (
        abi == "none" and "py3" in python.split(".")
    )


def prepare(root: Path, target: Path, folders: Sequence[str]) -> bool:
    """Put into the folder `target` what has to come before `folders` on the path; is there any?

    What can't be unpacked is told with the error that may follow from it.
    """
    try:
        unpack(root, target, folders)
    except (OSError, zipfile.BadZipFile) as error:
        shutil.rmtree(target, ignore_errors=True)
        foreign.append(
            Message(
                "Make 4D's own packages can't be unpacked ({error}): free some space for temporary "
                "files, or install the extension again.",
                error=error,
            )
        )
    return target.exists()


def unpack(root: Path, target: Path, folders: Sequence[str]) -> None:
    """Unpack into the folder `target` what differs in `folders` from our wheels, or is not there.

    Raises OSError or BadZipFile.
    """
    for wheel in wheels_of(root):
        found = installed(wheel, folders)
        if is_same(found, wheel):
            continue
        if found is not None and wheel.stat().st_size > LARGEST_BYTES:
            foreign.append(blame(found, wheel, root))
        else:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)


def installed(wheel: Path, folders: Sequence[str]) -> Distribution | None:
    """What would be imported of a wheel's package: the first that lies in the folders."""
    name = wheel.name.split("-")[0]
    return next(iter(Distribution.discover(name=name, path=list(folders))), None)


def is_same(found: Distribution | None, wheel: Path) -> bool:
    """Whether an unpacked package is a wheel's: of its version, with all its code in its place."""
    if found is None or found.version != wheel.name.split("-")[1]:
        return False
    return all(is_whole(found, wheel))


def is_whole(found: Distribution, wheel: Path) -> Iterator[bool]:
    """For every file of code in a wheel whether it lies there in the right size."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(CHECKED) and ".data/" not in entry.filename:
                path = Path(str(found.locate_file(entry.filename)))
                yield path.is_file() and path.stat().st_size == entry.file_size


def blame(found: Distribution, wheel: Path, root: Path) -> Message:
    """A sentence on who brings another version of a large package, and what to do."""
    name, ours = wheel.name.split("-")[:2]
    others = root.parents[1].glob(f"*/*/wheels/{name}-{found.version}-*.whl")
    who = sorted({other.parents[1].name for other in others if other.parents[1] != root})
    names = {"package": name, "version": found.version, "ours": ours}
    if not who:
        return Message(
            "Another extension brings {package} {version} in place of {ours}, which Make 4D was "
            "made with: disable it and restart Blender.",
            **names,
        )
    return Message(
        "The extension {who} brings {package} {version} in place of {ours}, which Make 4D was made "
        "with: disable it and restart Blender.",
        who=", ".join(who),
        **names,
    )
