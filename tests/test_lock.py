"""The lock of the wheels: it holds, and what is wrong with one is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_scripts import loaded

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def lock():
    """The script wheels/lock.py as a module."""
    yield from loaded("wheels/lock.py")


def test_the_lock_holds(lock):
    assert list(lock.problems(lock.load())) == []


def test_the_light_package_is_small_enough_for_the_extensions_site(lock):
    for wheels in lock.load()["light"].values():
        assert sum(wheel["size"] for wheel in wheels) < 150e6


def test_all_that_is_asked_for_is_locked(lock):
    for kind, files in lock.KINDS.items():
        lines = [line for f in files for line in (ROOT / "wheels" / f).read_text().splitlines()]
        asked = {line.split("#")[0].strip() for line in lines} - {""}
        for wheels in lock.load()[kind].values():
            assert asked <= {wheel["name"] for wheel in wheels}


def test_every_requirement_has_its_reason():
    for name in ("light.txt", "full.txt"):
        lines = (ROOT / "wheels" / name).read_text().splitlines()
        assert all(line.startswith("#") or line.partition("#")[2].strip() for line in lines)


@pytest.mark.parametrize(
    ("file", "platforms"),
    [
        ("a-1-py3-none-any.whl", {"linux-x64", "windows-x64", "macos-arm64", "macos-x64"}),
        ("a-1-py2.py3-none-any.whl", {"linux-x64", "windows-x64", "macos-arm64", "macos-x64"}),
        ("a-1-cp313-cp313-win_amd64.whl", {"windows-x64"}),
        ("a-1-cp313-cp313-win_arm64.whl", set()),
        ("a-1-cp314-cp314-win_amd64.whl", set()),
        ("a-1-cp313-cp313t-win_amd64.whl", set()),
        ("a-1-cp37-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", {"linux-x64"}),
        ("a-1-cp313-cp313-manylinux_2_28_x86_64.whl", {"linux-x64"}),
        ("a-1-cp313-cp313-manylinux_2_34_x86_64.whl", set()),
        ("a-1-cp313-cp313-manylinux_2_28_aarch64.whl", set()),
        ("a-1-cp313-cp313-musllinux_1_2_x86_64.whl", set()),
        ("a-1-cp313-cp313-macosx_12_0_arm64.whl", {"macos-arm64"}),
        ("a-1-cp313-cp313-macosx_10_13_x86_64.whl", {"macos-x64"}),
        ("a-1-cp313-cp313-macosx_11_0_universal2.whl", {"macos-arm64", "macos-x64"}),
        ("a-1.tar.gz", set()),
    ],
)
def test_which_wheels_fit_where(lock, file, platforms):
    assert {name for name in lock.PLATFORMS if lock.fits(file, name)} == platforms


def test_what_blender_carries_may_not_be_bundled(lock):
    broken = lock.load()
    extra = {"name": "numpy", "file": "numpy-2.3.4-py3-none-any.whl"}
    broken["light"]["linux-x64"].append(extra)
    broken["full"]["windows-x64"][0]["file"] = "x-1-cp314-cp314-win_amd64.whl"
    del broken["full"]["macos-arm64"]
    found = "\n".join(lock.problems(broken))
    assert "Blender carries numpy" in found and "another platform" in found
    assert "full/macos-arm64: 0 wheels" in found
