"""Worlds with water: every kind builds, and its objects have the labels that they should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry.landscapes import render
from make_4d.geometry.landscapes.materials import Air
from make_4d.geometry.worlds.draw import Draw
from make_4d.geometry.worlds.labels import (
    FALLS_INDEX,
    FLAT_INDEX,
    GROUND,
    UPRIGHT_INDEX,
    WATER_INDEX,
)
from make_4d.geometry.worlds.make import render_world
from make_4d.geometry.worlds.place import WorldKind
from make_4d.geometry.worlds.samples import Kind
from make_4d.geometry.worlds.water_kinds import KINDS
from make_4d.geometry.worlds.water_surface import FOAM, SHALLOW, fan, surface

pytestmark = pytest.mark.slow

MOST_FACES = 400_000
LABELS = {GROUND, WATER_INDEX, FALLS_INDEX, UPRIGHT_INDEX, FLAT_INDEX}
WHITE = ("brook", "falls", "wide falls", "cascade", "weir")


@pytest.fixture
def scene() -> Iterator[Any]:
    yield render.empty_scene()
    render.empty_scene()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_kind_builds_water_of_sound_geometry(scene: Any, kind: WorldKind) -> None:
    place = kind.build(Draw(np.random.default_rng(5)), Air())
    indices = {item.pass_index for item in scene.objects}
    assert WATER_INDEX in indices and indices <= LABELS
    assert (FALLS_INDEX in indices) == (kind.name in WHITE)
    assert sum(len(item.data.polygons) for item in scene.objects) < MOST_FACES
    for item in scene.objects:
        assert np.isfinite(np.array(item.bound_box)).all()
    ground = place.height(np.zeros(1), np.zeros(1))
    assert ground.shape == (1,) and np.isfinite(ground).all()
    assert 0 < place.eye[0] <= place.eye[1]


def test_falls_and_their_pool_are_labeled_apart() -> None:
    falls = next(kind for kind in KINDS if kind.name == "wide falls")
    kinds: set[int] = set()
    for number in range(2):
        for sample in render_world(1, number, 64 * 48, 1, falls):
            kinds |= set(np.unique(sample.kind).tolist())
    assert {Kind.WATER, Kind.FALLS} <= kinds


def test_surface_keeps_the_chosen_part_of_a_fan_and_its_attributes(scene: Any) -> None:
    grid = fan(1.0, 100.0, 6, 5)
    right = grid.x > 0
    item = surface(grid, 2.0, None, WATER_INDEX, right, **{SHALLOW: grid.x, FOAM: grid.y})
    assert item.pass_index == WATER_INDEX
    assert len(item.data.polygons) == 10
    stored = np.empty(grid.x.size, np.float32)
    item.data.attributes[SHALLOW].data.foreach_get("value", stored)
    assert np.allclose(stored, grid.x.ravel(), atol=1e-4)
    assert surface(grid, 2.0, None, WATER_INDEX, grid.x > 1e3) is None
