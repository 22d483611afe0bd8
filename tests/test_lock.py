"""The lock of the wheels is consistent, and its checks find mistakes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from messages import is_message, raises_message
from packaging.requirements import Requirement
from project_scripts import project_script

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def lock():
    """The script wheels/lock.py as a module."""
    with project_script("wheels/lock.py") as module:
        yield module


@pytest.fixture(scope="module")
def groups() -> dict[str, list[str | dict[str, str]]]:
    """The dependency groups of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["dependency-groups"]


def test_lock_is_consistent(lock):
    assert list(lock.problems(lock.load())) == []


def test_lock_names_no_address():
    assert "://" not in (ROOT / "wheels" / "lock.json").read_text(encoding="utf-8")


def test_every_group_is_locked(lock, groups):
    assert set(groups) == set(lock.GROUPS)
    for platform, wheels in lock.load().items():
        assert {group for wheel in wheels for group in wheel["groups"]} == set(
            lock.groups_on(platform)
        )


def test_every_requirement_is_locked_in_a_version_that_satisfies_it(lock, groups):
    for group in lock.GROUPS:
        for platform in lock.platforms(group):
            wheels = lock.wheels_of(lock.load(), group, platform)
            versions = {wheel["name"]: wheel["version"] for wheel in wheels}
            for line in groups[group]:
                if isinstance(line, str):
                    requirement = Requirement(line)
                    assert requirement.specifier.contains(versions[requirement.name])
                else:
                    inner = lock.wheels_of(lock.load(), line["include-group"], platform)
                    assert {wheel["name"] for wheel in inner} <= set(versions)


def test_every_wheel_has_a_hash_and_a_size(lock):
    for wheels in lock.load().values():
        for wheel in wheels:
            assert re.fullmatch("[0-9a-f]{64}", wheel["sha256"])
            assert wheel["size"] > 0
            assert f"-{wheel['version']}-" in wheel["file"]


def test_environment_and_packages_have_the_same_wheels(lock):
    for platform in lock.platforms("run"):
        light = lock.wheels_of(lock.load(), "light", platform)
        for larger in ("run", "full"):
            assert [
                w for w in light if w not in lock.wheels_of(lock.load(), larger, platform)
            ] == []


def test_packages_leave_out_what_blender_carries(lock, groups):
    carried = {Requirement(line).name for line in groups["blender"]}
    for kind in lock.KINDS:
        for platform in lock.platforms(kind):
            wheels = lock.wheels_of(lock.load(), kind, platform)
            names = {wheel["name"] for wheel in lock.bundled(wheels)}
            assert "numpy" not in names and not names & carried
            assert names | carried >= {wheel["name"] for wheel in wheels}


def test_light_package_is_small_enough_for_the_extensions_site(lock):
    for platform in lock.platforms("light"):
        wheels = lock.bundled(lock.wheels_of(lock.load(), "light", platform))
        assert sum(wheel["size"] for wheel in wheels) < 150e6


def test_every_requirement_has_its_reason():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    begin, end = lines.index("light = ["), lines.index("[tool.ruff]")
    listed = [line for line in lines[begin:end] if line.startswith('    "')]
    assert len(listed) > 15
    assert all(line.partition("#")[2].strip() for line in listed)


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
def test_which_platforms_a_wheel_fits(lock, file, platforms):
    assert {name for name in lock.PLATFORMS if lock.fits(file, name)} == platforms


def edited(lock, platform: str, name: str, changes: dict[str, str]):
    """The lock with changes to one wheel."""
    wheels = lock.load()
    (wheel,) = (wheel for wheel in wheels[platform] if wheel["name"] == name)
    wheel.update(changes)
    return wheels


@pytest.mark.parametrize(
    ("name", "changes", "template"),
    [
        ("scipy", {"sha256": ""}, "NO_HASH"),
        ("scipy", {"file": "scipy-1-cp314-cp314-win_amd64.whl"}, "WRONG_WHEEL"),
        ("scipy", {"name": "numpy"}, "LOCKED_TWICE"),
        ("scipy", {"name": "scypy"}, "NOT_LOCKED"),
        ("torch", {"version": "1.0"}, "OTHER_VERSION"),
        ("numpy", {"version": "2.5.5"}, "OTHER_VERSION"),
    ],
)
def test_mistakes_in_a_lock_are_reported(lock, name, changes, template):
    mistakes = list(lock.problems(edited(lock, "windows-x64", name, changes)))
    assert any(is_message(m, getattr(lock, template), platform="windows-x64") for m in mistakes)


def test_missing_platform_is_reported(lock):
    wheels = lock.load()
    del wheels["macos-arm64"]
    mistakes = list(lock.problems(wheels))
    assert mistakes
    assert all(is_message(m, lock.NOT_LOCKED, platform="macos-arm64") for m in mistakes)


def test_requirements_file_has_a_hash_for_each_wheel(lock):
    wheels = lock.wheels_of(lock.load(), "light", "linux-x64")
    lines = lock.requirements(wheels).splitlines()
    assert len(lines) == len(wheels)
    assert all(re.fullmatch(r"[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)


def test_group_without_wheels_for_a_platform(lock):
    with raises_message(lock.LockError, lock.NO_GROUP, group="full", platform="macos-x64"):
        lock.wheels_of(lock.load(), "full", "macos-x64")


def test_system_without_wheels(lock, monkeypatch):
    monkeypatch.setattr(lock.platform, "machine", lambda: "riscv64")
    with raises_message(lock.LockError, lock.NO_WHEELS, machine="riscv64"):
        lock.this_platform()
