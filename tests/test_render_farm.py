"""A render farm: several computers render the frames of a 4D scene at once, in any order."""

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
from make_4d.render import draw
from render_scene import pixels_of

pytestmark = pytest.mark.slow

NODE = Path(__file__).with_name("farm_node.py")
FRAMES = (1, 2, 3, 4, 5, 6)
type Node = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def made(addon, tmp_path_factory) -> Path:
    """A saved 4D scene with everything it needs beside it."""
    path = make_lake_file(tmp_path_factory.mktemp("artist"))
    assert bpy.ops.make_4d.collect_files() == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    return path


@pytest.fixture(scope="module")
def farm(made, tmp_path_factory) -> Path:
    """Another computer's folder with the scene; the original folder is gone."""
    folder = tmp_path_factory.mktemp("farm") / "jobs"
    shutil.copytree(made.parent, folder)
    shutil.rmtree(made.parent)
    return folder


@pytest.fixture(scope="module")
def node(light, clean, tmp_path_factory) -> Node:
    """Start a computer: a Blender with the light package and nothing else."""
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
    """All frames, rendered one after the other in one process."""
    finish(node(farm / "scene.blend", farm / "film", *FRAMES))
    return farm / "film"


def finish(machine: subprocess.Popen[str]) -> None:
    """Wait for a computer; fail if it fails, draws by a simpler method, or loads what only making a
    scene needs."""
    printed, errors = machine.communicate(timeout=300)
    assert machine.returncode == 0, printed + errors
    for message in (draw.SORTED_INSTEAD, draw.CPU_INSTEAD):
        assert message.partition("{")[0] not in printed + errors, printed + errors
    assert "LOADED[]" in printed


def assert_same(frames: Path, film: Path, numbers: tuple[int, ...]) -> None:
    """Check that the frames are the film's, bit for bit."""
    for name in (f"{method}_{number:04d}.exr" for method in METHODS for number in numbers):
        np.testing.assert_array_equal(pixels_of(frames / name), pixels_of(film / name), name)


def test_the_film_moves(film) -> None:
    """Otherwise all frames would be equal in any order."""
    frames = [pixels_of(film / f"NEAREST_{number:04d}.exr") for number in FRAMES]
    assert all(frame.std() > 0.02 for frame in frames)
    assert all(np.abs(a - b).mean() > 1e-3 for a, b in pairwise(frames))


def test_computers_render_the_same_pixels_in_any_order(farm, film, node) -> None:
    for parts in (((6,), (1,)), ((4, 2), (5, 3))):
        for machine in [node(farm / "scene.blend", farm / "frames", *part) for part in parts]:
            finish(machine)
    assert_same(farm / "frames", film, FRAMES)


def test_the_blend_file_is_enough(farm, film, node, tmp_path) -> None:
    """Photo and cache are only needed to make the scene again."""
    shutil.copy(farm / "scene.blend", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["scene.blend"]
    finish(node(tmp_path / "scene.blend", tmp_path / "frames", 5))
    assert_same(tmp_path / "frames", film, (5,))
