"""Random worlds: what the labels of a picture mean, the command, and files that can be resumed."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from make_4d.geometry.landscapes import materials, render, terrain
from make_4d.geometry.landscapes.materials import Air
from make_4d.geometry.landscapes.meshes import Shape, place
from make_4d.geometry.worlds import land_kinds, make, samples
from make_4d.geometry.worlds.cameras import Shot
from make_4d.geometry.worlds.draw import Draw
from make_4d.geometry.worlds.kinds import KINDS
from make_4d.geometry.worlds.labels import UPRIGHT_INDEX, WATER_INDEX
from make_4d.geometry.worlds.skies import draw_weather

ROOT = Path(__file__).resolve().parent.parent
SIZE, FOCAL, EYE = (64, 48), 60.0, 2.0


@pytest.fixture(scope="module")
def view() -> samples.StoredSample:
    """Return a view of level ground with a strip of water across it and a wall 20 meters away."""
    scene = render.empty_scene()
    weather = draw_weather(Draw(np.random.default_rng(3)))
    terrain.ground(lambda x, y: 0 * x, materials.plain(Air(), ("808080",)), 5000, 60, 60, 1.9)
    water, wall = Shape(), Shape()
    water.box((-40, 8, 0.001), (40, 10, 0.002))
    wall.box((2, 20, 0), (30, 21, 30))
    place(water.mesh("water", [materials.plain(Air(), ("202080",))]), index=WATER_INDEX)
    place(wall.mesh("wall", [materials.plain(Air(), ("a04040",))]), index=UPRIGHT_INDEX)
    make._set_up(scene, weather)
    shot = Shot(SIZE, FOCAL, (0.0, 0.0, EYE), 0.05, 0.0, 0.1, EYE)
    sample = make._render_shot(scene, weather, shot, 0.0, 0.0)
    render.empty_scene()
    return sample


def rays(sample: samples.StoredSample) -> np.ndarray:
    """Return the viewing rays (H, W, 3) with z = 1 in x right, y away, z up, from the camera label.

    The reference for what `camera` means: pitch up, roll clockwise in the picture.
    """
    focal, pitch, roll, _ = sample.camera
    height, width = sample.kind.shape
    x = (np.arange(width) + 0.5 - width / 2) / focal + np.zeros((height, 1))
    y = (np.arange(height)[:, None] + 0.5 - height / 2) / focal + np.zeros((1, width))
    right = math.cos(roll) * x + math.sin(roll) * y
    down = -math.sin(roll) * x + math.cos(roll) * y
    up = math.sin(pitch) - math.cos(pitch) * down
    away = math.cos(pitch) + math.sin(pitch) * down
    return np.stack([right, away, up], axis=-1)


def test_the_ground_lies_where_camera_and_disparity_say(view: samples.StoredSample) -> None:
    directions = rays(view)
    flat = view.kind == samples.Kind.FLAT
    assert flat.mean() > 0.2
    expected = -directions[flat][:, 2] / EYE
    assert np.abs(view.disparity[flat] - expected).max() < 0.5 / FOCAL / EYE  # half a pixel


def test_water_the_wall_and_the_sky_are_where_they_stand(view: samples.StoredSample) -> None:
    directions = rays(view)
    with np.errstate(divide="ignore"):
        points = directions / view.disparity.astype(float)[..., None]
    water, wall = view.kind == samples.Kind.WATER, view.kind == samples.Kind.UPRIGHT
    assert water.any() and np.all((points[water][:, 1] > 7.5) & (points[water][:, 1] < 10.5))
    assert wall.mean() > 0.1 and np.all(np.abs(points[wall][:, 1] - 20) < 1.5)
    assert np.array_equal(view.sky >= 128, view.kind == samples.Kind.SKY)
    assert np.all(view.disparity[view.kind == samples.Kind.SKY] == 0)
    assert directions[..., 2][view.kind == samples.Kind.SKY].min() > -0.02
    assert np.all(view.clouds[view.sky == 0] == 0)


@pytest.mark.parametrize("kind", land_kinds.KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_land_gives_usable_pictures(kind: make.WorldKind) -> None:
    found = [s for n in range(2) for s in make.render_world(7, n, 1200, 1, kind)]
    assert found
    for sample in found:
        assert sample.image.std() > 2
        assert (sample.disparity > 0).any()
        assert np.isin(sample.kind, (0, 1, 2, 3, 4, 255)).all()


def test_a_world_depends_on_its_number_alone() -> None:
    first, again = (list(make.render_world(1, 2, 900, 1, KINDS[0])) for _ in range(2))
    other = list(make.render_world(1, 3, 900, 1, KINDS[0]))
    assert np.array_equal(first[0].kind, again[0].kind)
    assert np.array_equal(first[0].image, again[0].image)
    assert first[0].image.shape != other[0].image.shape or not np.array_equal(
        first[0].image, other[0].image
    )


def test_samples_are_read_as_they_were_written(tmp_path: Path, view: samples.StoredSample) -> None:
    samples.save_sample(view, tmp_path / "a.npz")
    read = samples.load_sample(tmp_path / "a.npz")
    assert all(np.array_equal(getattr(read, n), getattr(view, n)) for n in vars(view))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    np.savez(tmp_path / "b.npz", image=view.image)
    with pytest.raises(ValueError, match="disparity"):
        samples.load_sample(tmp_path / "b.npz")


def test_the_command_goes_on_where_it_stopped(tmp_path: Path) -> None:
    command = [sys.executable, "-I", str(ROOT / "make4d"), "worlds", str(tmp_path)]
    command += ["--seed", "4", "--pixels", "900"]
    for count in ("1", "2"):
        subprocess.run([*command, "--count", count, "--processes", "2"], check=True)
        done = sorted(path.name for path in tmp_path.glob("*.done"))
        assert done == [f"world-4-{n:06d}.done" for n in range(int(count))]
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert written
    subprocess.run([*command, "--count", "2"], check=True)
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
