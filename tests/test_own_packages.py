"""The worker uses the packages of our wheels, whatever other extensions install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from make_4d.geometry.core.packages import MissingPackageError
from make_4d.ml.client import process
from make_4d.ml.common import own_packages
from messages import is_message, raises_message

PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"


def save_wheel(folder: Path, name: str, version: str, files: dict[str, str], tags="py3-none-any"):
    """Write a wheel of some files and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tags}.whl"
    info = f"{name}-{version}.dist-info"
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/METADATA", f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{info}/RECORD", record)
    return path


@pytest.fixture
def ours(tmp_path):
    """An extension with version 1 of a package."""
    root = tmp_path / "extensions" / "user_default" / "make_4d"
    wheel = save_wheel(root / "wheels", "pond_water", "1.0", {"pond/__init__.py": "VERSION = 1\n"})
    write_manifest(root, [wheel])
    return root


def write_manifest(root: Path, wheels: list[Path]) -> None:
    listed = ", ".join(f'"./wheels/{wheel.name}"' for wheel in wheels)
    (root / "blender_manifest.toml").write_text(f'id = "make_4d"\nwheels = [{listed}]\n')


def install(wheel: Path, site: Path) -> None:
    """Unpack a wheel into the shared folder, as Blender does."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def imported(own: Path, site: Path) -> str:
    """The version that a worker with these folders on its path imports."""
    code = f"import sys; sys.path[:0] = {[str(own), str(site)]!r}; import pond; print(pond.VERSION)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_nothing_is_unpacked_if_blender_has_it(ours, tmp_path):
    site, own = tmp_path / "site", tmp_path / "own"
    install(next((ours / "wheels").iterdir()), site)
    assert own_packages.prepare(ours, own, [str(site)]) == [] and not own.exists()
    assert imported(own, site) == "1"


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_other_version_is_not_used(ours, tmp_path, version):
    site, own = tmp_path / "site", tmp_path / "own"
    install(
        save_wheel(tmp_path, "pond_water", version, {"pond/__init__.py": "VERSION = 9\n"}), site
    )
    assert imported(own, site) == "9"
    assert own_packages.prepare(ours, own, [str(site)]) == [] and own.exists()
    assert imported(own, site) == "1"


def test_package_that_shares_our_module_is_not_used(ours, tmp_path):
    site, own = tmp_path / "site", tmp_path / "own"
    install(next((ours / "wheels").iterdir()), site)
    other = {"pond/__init__.py": "raise ImportError('another pond')\n"}
    install(save_wheel(tmp_path, "pond_full", "1.0", other), site)
    assert "another pond" in imported(own, site)
    assert own_packages.prepare(ours, own, [str(site)]) == [] and own.exists()
    assert imported(own, site) == "1"


def test_module_that_another_package_removed_is_unpacked(ours, tmp_path):
    site, own = tmp_path / "site", tmp_path / "own"
    install(next((ours / "wheels").iterdir()), site)
    (site / "pond" / "__init__.py").unlink()
    assert own_packages.prepare(ours, own, [str(site)]) == [] and own.exists()
    assert imported(own, site) == "1"


def test_large_package_is_reported_with_its_extension(ours, tmp_path, monkeypatch):
    monkeypatch.setattr(own_packages, "LARGEST_BYTES", 10)
    site, own = tmp_path / "site", tmp_path / "own"
    theirs = ours.parents[1] / "a_shop" / "ocean" / "wheels"
    install(save_wheel(theirs, "pond_water", "2.0", {"pond/__init__.py": "VERSION = 2\n"}), site)
    (problem,) = own_packages.prepare(ours, own, [str(site)])
    assert not own.exists()
    values = {"who": "ocean", "package": "pond_water", "version": "2.0", "ours": "1.0"}
    assert is_message(problem, own_packages.NAMED_OTHER_VERSION, **values)

    from make_4d.ml.worker.server import message_for

    assert message_for(AttributeError("no member"), "depth", [problem]) == problem


def test_wheels_for_another_python_are_ignored(ours):
    fitting = save_wheel(ours / "wheels", "a", "1", {}, f"{PYTHON}-{PYTHON}-win_amd64")
    stable = save_wheel(ours / "wheels", "b", "1", {}, "cp37-abi3-macosx_13_0_arm64")
    other = save_wheel(ours / "wheels", "c", "1", {}, "cp38-cp38-win_amd64")
    write_manifest(ours, [fitting, stable, other])
    assert [wheel.name for wheel in own_packages.wheels_of(ours)] == [fitting.name, stable.name]


def test_source_has_no_wheels(root):
    assert own_packages.wheels_of(root) == []


def test_damaged_wheel_is_reported(ours, tmp_path):
    next((ours / "wheels").iterdir()).write_bytes(b"PK nothing")
    (problem,) = own_packages.prepare(ours, tmp_path / "own", [])
    assert not (tmp_path / "own").exists()
    assert is_message(problem, own_packages.CANNOT_UNPACK)


def test_missing_package_is_reported(monkeypatch):
    find = process.importlib.util.find_spec
    monkeypatch.setattr(
        process.importlib.util, "find_spec", lambda name: None if name == "scipy" else find(name)
    )
    with raises_message(MissingPackageError, process.NO_SYSTEM_PACKAGE, name="SciPy"):
        process.package_folders()
    monkeypatch.setattr(process, "wheels_of", lambda root: [Path("a.whl")])
    assert process.package_folders(), "the worker unpacks it from our wheels"
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    with raises_message(MissingPackageError, process.NO_PACKAGE, name="NumPy"):
        process.package_folders()
