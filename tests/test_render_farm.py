"""A render farm: several machines render a 4D scene's frames at once, in any order."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from farm_node import METHODS
from lake_scene import make_lake_file
from render_scene import pixels_of

NODE = Path(__file__).with_name("farm_node.py")
FRAMES = (1, 2, 3, 4, 5, 6)
type Node = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def made(addon, tmp_path_factory) -> Path:
    """A saved 4D scene with all that it needs beside it."""
    path = make_lake_file(tmp_path_factory.mktemp("artist"))
    assert bpy.ops.make_4d.collect_files() == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    return path


@pytest.fixture(scope="module")
def farm(made, tmp_path_factory) -> Path:
    """Another machine's folder with the scene; the one it was made in is gone."""
    folder = tmp_path_factory.mktemp("farm") / "jobs"
    shutil.copytree(made.parent, folder)
    shutil.rmtree(made.parent)
    return folder


@pytest.fixture(scope="module")
def node(light, clean, tmp_path_factory) -> Node:
    """What starts a machine: a Blender with the light package and nothing else."""
    user = tmp_path_factory.mktemp("node")
    clean.install(light, user)

    def start(blend: Path, output: Path, *frames: int) -> subprocess.Popen[str]:
        home = tempfile.mkdtemp(prefix="home-", dir=output.parent)
        own = {"HOME": home, "XDG_CACHE_HOME": home, "BLENDER_USER_RESOURCES": str(user)}
        return subprocess.Popen(
            [str(clean.python), "-I", str(NODE), str(blend), str(output), *map(str, frames)],
            env=os.environ | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture(scope="module")
def film(farm, node) -> Path:
    """All frames, one after the other in one process."""
    finish(node(farm / "scene.blend", farm / "film", *FRAMES))
    return farm / "film"


def finish(machine: subprocess.Popen[str]) -> None:
    """Wait for a machine; fails where it fails, draws otherwise than it should, and says so, or
    loads what only making a scene needs."""
    printed, errors = machine.communicate(timeout=300)
    assert machine.returncode == 0, printed + errors
    assert "Make 4D draws" not in printed + errors, printed + errors
    assert "LOADED[]" in printed


def assert_same(frames: Path, film: Path, numbers: tuple[int, ...]) -> None:
    """The frames are the film's, to the last bit."""
    for name in (f"{method}_{number:04d}.exr" for method in METHODS for number in numbers):
        np.testing.assert_array_equal(pixels_of(frames / name), pixels_of(film / name), name)


def test_the_film_moves(film) -> None:
    """Else all frames would be the same in any order."""
    pictures = [pixels_of(film / f"NEAREST_{number:04d}.exr") for number in FRAMES]
    assert all(picture.std() > 0.02 for picture in pictures)
    assert all(np.abs(a - b).mean() > 1e-3 for a, b in pairwise(pictures))


def test_machines_at_once_in_any_order_draw_the_same_pixels(farm, film, node) -> None:
    for shares in (((6,), (1,)), ((4, 2), (5, 3))):
        for machine in [node(farm / "scene.blend", farm / "frames", *share) for share in shares]:
            finish(machine)
    assert_same(farm / "frames", film, FRAMES)


def test_the_blend_alone_is_enough(farm, film, node, tmp_path) -> None:
    """Neither photo nor cache: they are for making the scene again."""
    shutil.copy(farm / "scene.blend", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["scene.blend"]
    finish(node(tmp_path / "scene.blend", tmp_path / "frames", 5))
    assert_same(tmp_path / "frames", film, (5,))
