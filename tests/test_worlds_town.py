"""Town worlds and foregrounds: what they build, where it stands, and its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from make_4d.geometry.landscapes import render
from make_4d.geometry.landscapes.materials import Air
from make_4d.geometry.worlds import (
    make,
    roads,
    samples,
    town_kinds,
    town_rails,
    town_roads,
    town_squares,
    town_works,
    trees,
)
from make_4d.geometry.worlds.draw import Draw
from make_4d.geometry.worlds.foreground_objects import FOREGROUNDS
from make_4d.geometry.worlds.labels import FLAT_INDEX, UPRIGHT_INDEX
from make_4d.geometry.worlds.parts import is_free
from make_4d.geometry.worlds.place import Foreground, Place, WorldKind

MODULES = (town_kinds, town_rails, town_roads, town_squares, town_works)
KINDS = [kind for module in MODULES for kind in module.KINDS]
MOST_FACES = 700_000
BARE_GROUND = {"skyline", "castle", "hill-village", "harbor"}
"""Kinds that may have neither a road nor a square."""


def drawn(seed: int) -> Draw:
    """Return the random choices of a seed."""
    return Draw(np.random.default_rng(seed))


def vertices(index: int) -> np.ndarray:
    """Return the world positions (N, 3) of all vertices of objects with a pass index."""
    parts = [np.zeros((0, 3))]
    for item in bpy.context.scene.objects:
        if item.pass_index == index and item.location.z > -400:
            flat = np.empty(3 * len(item.data.vertices))
            item.data.vertices.foreach_get("co", flat)
            parts.append(flat.reshape(-1, 3) + np.array(item.location))
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_a_town_stands_upright_around_a_free_camera(kind: WorldKind) -> None:
    render.empty_scene()
    place = kind.build(drawn(5), Air())
    upright, flat = vertices(UPRIGHT_INDEX), vertices(FLAT_INDEX)
    assert len(upright) and (len(flat) or kind.name in BARE_GROUND)
    ground = float(place.height(np.zeros(1), np.zeros(1))[0])
    camera = np.array([0, 0, max(ground, place.floor) + place.eye[0]])
    assert np.linalg.norm(upright - camera, axis=1).min() > 0.25
    assert sum(len(mesh.polygons) for mesh in bpy.data.meshes) < MOST_FACES


@pytest.mark.parametrize("item", FOREGROUNDS, ids=[item.name for item in FOREGROUNDS])
def test_a_foreground_stands_before_the_camera(item: Foreground) -> None:
    place = Place(lambda x, y: 0 * x + 0 * y, (1.5, 2.0))
    render.empty_scene()
    for seed in range(3):
        item.add(drawn(seed), Air(), place)
    added = np.concatenate([vertices(UPRIGHT_INDEX), vertices(0)])
    assert len(added)
    x, y, z = added.T
    seen = (y > 0.3) & (np.abs(x) < 0.9 * y) & (np.abs(z - 1.75) < 0.9 * y)
    assert seen.any() and y[seen].min() < 40


def test_a_street_has_flat_roads_and_upright_houses_in_its_labels() -> None:
    kind = next(kind for kind in KINDS if kind.name == "avenue")
    sample = next(iter(make.render_world(2, 0, 64 * 48, 1, kind)))
    shares = {label: float((sample.kind == label).mean()) for label in range(5)}
    assert shares[samples.Kind.UPRIGHT] > 0.1 and shares[samples.Kind.FLAT] > 0.05
    assert shares[samples.Kind.WATER] == shares[samples.Kind.FALLS] == 0


@pytest.mark.parametrize("species", [name for name, _, _ in trees.SPECIES])
def test_far_trees_have_fewer_faces_and_all_are_a_meter_high(species: str) -> None:
    grow: Any = next(grow for name, grow, _ in trees.SPECIES if name == species)
    near, far = grow(drawn(1), True), grow(drawn(1), False)
    counts = [sum(map(len, shape.faces)) for shape in (near, far)]
    assert counts[1] < 500 < counts[0] < 8000
    for shape in (near, far):
        assert 0.6 < np.concatenate(shape.vertices)[:, 2].max() < 1.6


def test_a_course_passes_beside_the_camera_and_knows_its_sides() -> None:
    way = roads.draw_course(drawn(3), 60.0, 0.5, 0.3, 2.0, 10.0)
    nearest = np.hypot(*way.points.T).min()
    assert abs(nearest - 2.0) < 0.3
    middle, angle = way.at(20.0)
    right, _ = way.at(20.0, 1.0)
    travel = np.array([np.cos(angle), np.sin(angle)])
    assert np.allclose(right - middle, [travel[1], -travel[0]], atol=1e-6)


def test_a_house_over_the_camera_is_not_free() -> None:
    assert not is_free((0.0, 3.0), 0.5, (4.0, 4.0))
    assert is_free((0.0, 9.0), 0.5, (4.0, 4.0))
