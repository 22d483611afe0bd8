"""The worker's packages are those of our wheels, whatever other extensions put in their place."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from make_4d.ml.client import process
from make_4d.ml.common import own_packages

PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"


def save_wheel(folder: Path, name: str, version: str, files: dict[str, str], tags="py3-none-any"):
    """A wheel of some files; returns its path."""
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
    """An extension that brings version 1 of a package."""
    root = tmp_path / "extensions" / "user_default" / "make_4d"
    wheel = save_wheel(root / "wheels", "pond_water", "1.0", {"pond/__init__.py": "VERSION = 1\n"})
    write_manifest(root, [wheel])
    own_packages.foreign.clear()
    yield root
    own_packages.foreign.clear()


def write_manifest(root: Path, wheels: list[Path]) -> None:
    listed = ", ".join(f'"./wheels/{wheel.name}"' for wheel in wheels)
    (root / "blender_manifest.toml").write_text(f'id = "make_4d"\nwheels = [{listed}]\n')


def install(wheel: Path, site: Path) -> None:
    """Unpack a wheel into the shared folder, as Blender does."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def imported(own: Path, site: Path) -> str:
    """What a worker with these folders on its path gets."""
    code = f"import sys; sys.path[:0] = {[str(own), str(site)]!r}; import pond; print(pond.VERSION)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_nothing_is_unpacked_where_blender_has_it(ours, tmp_path):
    site, own = tmp_path / "site", tmp_path / "own"
    install(next((ours / "wheels").iterdir()), site)
    assert not own_packages.prepare(ours, own, [str(site)])
    assert imported(own, site) == "1"


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_another_version_does_not_serve(ours, tmp_path, version):
    site, own = tmp_path / "site", tmp_path / "own"
    install(
        save_wheel(tmp_path, "pond_water", version, {"pond/__init__.py": "VERSION = 9\n"}), site
    )
    assert imported(own, site) == "9"
    assert own_packages.prepare(ours, own, [str(site)])
    assert imported(own, site) == "1"


def test_a_package_that_shares_our_module_does_not_serve(ours, tmp_path):
    site, own = tmp_path / "site", tmp_path / "own"
    install(next((ours / "wheels").iterdir()), site)
    other = {"pond/__init__.py": "raise ImportError('another pond')\n"}
    install(save_wheel(tmp_path, "pond_full", "1.0", other), site)
    assert "another pond" in imported(own, site)
    assert own_packages.prepare(ours, own, [str(site)])
    assert imported(own, site) == "1"


def test_what_another_took_away_with_it_is_unpacked(ours, tmp_path):
    site, own = tmp_path / "site", tmp_path / "own"
    install(next((ours / "wheels").iterdir()), site)
    (site / "pond" / "__init__.py").unlink()
    assert own_packages.prepare(ours, own, [str(site)])
    assert imported(own, site) == "1"


def test_a_large_one_is_named_with_who_brings_it(ours, tmp_path, monkeypatch):
    monkeypatch.setattr(own_packages, "LARGEST_BYTES", 10)
    site, own = tmp_path / "site", tmp_path / "own"
    theirs = ours.parents[1] / "a_shop" / "ocean" / "wheels"
    install(save_wheel(theirs, "pond_water", "2.0", {"pond/__init__.py": "VERSION = 2\n"}), site)
    assert not own_packages.prepare(ours, own, [str(site)])
    (translate,) = own_packages.foreign
    assert "ocean brings pond_water 2.0 in place of 1.0" in translate and "disable it" in translate

    from make_4d.ml.worker.server import message_for

    assert message_for(AttributeError("no member"), "depth") == translate


def test_wheels_for_another_python_are_left_alone(ours):
    fitting = save_wheel(ours / "wheels", "a", "1", {}, f"{PYTHON}-{PYTHON}-win_amd64")
    stable = save_wheel(ours / "wheels", "b", "1", {}, "cp37-abi3-macosx_13_0_arm64")
    other = save_wheel(ours / "wheels", "c", "1", {}, "cp38-cp38-win_amd64")
    write_manifest(ours, [fitting, stable, other])
    assert [wheel.name for wheel in own_packages.wheels_of(ours)] == [fitting.name, stable.name]


def test_the_source_brings_no_wheels(root):
    assert own_packages.wheels_of(root) == []


def test_a_damaged_wheel_is_told_with_the_error(ours, tmp_path):
    next((ours / "wheels").iterdir()).write_bytes(b"PK nothing")
    assert not own_packages.prepare(ours, tmp_path / "own", [])
    assert "install the extension again" in own_packages.foreign[0]


def test_a_missing_package_is_told_with_what_to_do(monkeypatch):
    find = process.importlib.util.find_spec
    monkeypatch.setattr(
        process.importlib.util, "find_spec", lambda name: None if name == "scipy" else find(name)
    )
    with pytest.raises(process.MissingPackageError, match="no 'scipy': install it with the system"):
        process.package_folders()
    monkeypatch.setattr(process, "wheels_of", lambda root: [Path("a.whl")])
    assert process.package_folders(), "the worker unpacks it from our wheels"
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(process.MissingPackageError, match="'numpy' is missing: install the Make"):
        process.package_folders()
