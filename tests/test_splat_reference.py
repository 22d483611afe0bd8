"""The numpy renderer against PyTorch3D's own images, and the rules for sizes and coverage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from make_4d.geometry.core import splat
from make_4d.geometry.core.camera import Intrinsics, pixel_centers, unproject
from make_4d.geometry.core.splat import Splats

DATA = Path(__file__).parent / "data" / "splat"
STORED = ("a_random_landscape", "f_corner_global", "f_corner_perpoint")
ALL = (
    *STORED,
    "a_random_portrait",
    "a_random_dense_k4",
    "b_grid_identity",
    "b_grid_global",
    "c_grid_adaptive",
    "d_two_layers",
    "e_feat32",
)


def golden_splats(golden) -> Splats:
    x, y, z = golden["xyz_cam"].astype(np.float64).T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        u, v = golden["fx"] * x / z + golden["cx"], golden["fy"] * y / z + golden["cy"]
    return Splats(u, v, z, np.broadcast_to(golden["radius_px"], z.shape))


def check_golden(path: Path) -> None:
    golden = np.load(path)
    size, nearest = (int(golden["h"]), int(golden["w"])), int(golden["K"])
    splats = golden_splats(golden)
    drawn = splat.composite(splats, golden["feats"], size, nearest)
    np.testing.assert_allclose(drawn.image, golden["image"], atol=1e-4)
    np.testing.assert_allclose(drawn.alpha, golden["alpha"], atol=1e-4)
    # Two of 4096 pixels of the corner cases lie on a radius, up to float32 rounding (see the README
    # of the golden data).
    index = splat.nearest_indices(splats, size, nearest)
    assert (index != golden["idx"]).any(axis=-1).sum() <= 2


@pytest.mark.parametrize("name", STORED)
def test_equals_the_papers_renderer(name: str) -> None:
    check_golden(DATA / f"{name}.npz")


@pytest.mark.parametrize("name", ALL)
def test_equals_the_papers_renderer_in_all_scenes(name: str, shared: Path) -> None:
    check_golden(shared / "golden" / "renderer" / f"{name}.npz")


def looped(splats: Splats, channels, size, nearest, opacity, gain):
    """The formula, pixel by pixel; returns image and alpha."""
    image, alpha = np.zeros((*size, channels.shape[1])), np.zeros(size)
    for row in range(size[0]):
        for column in range(size[1]):
            d2 = (column + 0.5 - splats.u) ** 2 + (row + 0.5 - splats.v) ** 2
            hits = np.flatnonzero((d2 < splats.radius**2) & (splats.z >= 0))
            hits = sorted(hits, key=lambda i: (splats.z[i], i))[:nearest]
            transmittance = 1.0
            for i in hits:
                a = opacity[i] * min(1.0, gain[i] * (1 - d2[i] / splats.radius[i] ** 2))
                image[row, column] += transmittance * a * channels[i]
                transmittance *= 1 - a
            alpha[row, column] = 1 - transmittance
    return image, alpha


def random_splats(rng: np.random.Generator, count: int, size: tuple[int, int]) -> Splats:
    depth = np.round(rng.uniform(-1, 9, count), 1)  # ties, and points behind the camera
    return Splats(
        rng.uniform(-4, size[1] + 4, count),
        rng.uniform(-4, size[0] + 4, count),
        depth,
        rng.uniform(0, 4, count),
    )


@pytest.mark.parametrize("nearest", [None, 1, 3, 8])
def test_equals_the_formula(rng, nearest: int | None) -> None:
    size, count = (13, 17), 150
    splats, channels = random_splats(rng, count, size), rng.normal(size=(count, 5))
    opacity, gain = rng.uniform(0, 1, count), rng.uniform(1, 3, count)
    drawn = splat.composite(splats, channels, size, nearest, opacity, gain)
    image, alpha = looped(splats, channels, size, nearest, opacity, gain)
    np.testing.assert_allclose(drawn.image, image, atol=1e-12)
    np.testing.assert_allclose(drawn.alpha, alpha, atol=1e-12)


def test_chunks_do_not_change_the_image(rng, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (20, 30)
    splats, channels = random_splats(rng, 500, size), rng.normal(size=(500, 2))
    whole = splat.composite(splats, channels, size, 4)
    index = splat.nearest_indices(splats, size, 4)
    monkeypatch.setattr(splat, "_CHUNK_HITS", 37)
    np.testing.assert_array_equal(splat.composite(splats, channels, size, 4).image, whole.image)
    np.testing.assert_array_equal(splat.nearest_indices(splats, size, 4), index)


def test_nothing_to_draw() -> None:
    none = np.zeros(0)
    drawn = splat.composite(Splats(none, none, none, none), np.zeros((0, 3)), (4, 5))
    assert drawn.image.shape == (4, 5, 3)
    assert not drawn.alpha.any()


def test_invalid_points_are_not_drawn() -> None:
    nan, inf = np.nan, np.inf
    splats = Splats(
        np.array([nan, 2, inf, 2]), np.array([2, nan, 2, 2]), np.ones(4), np.array([1, 1, 1, nan])
    )
    assert not splat.composite(splats, np.ones((4, 1)), (4, 4)).alpha.any()


def test_identity_of_a_photo_is_exact(rng) -> None:
    camera = Intrinsics.from_field_of_view(40, 30, 1.0)
    depth = rng.uniform(1, 100, (30, 40)).astype(np.float32)
    points = unproject(pixel_centers(30, 40), depth, camera).reshape(-1, 3).astype(np.float64)
    radius = splat.screen_radius(depth.ravel() / camera.focal, depth.ravel(), camera.focal)
    u, v = (camera.focal * points[:, i] / points[:, 2] + c for i, c in ((0, 20), (1, 15)))
    colors = rng.random((1200, 3))
    drawn = splat.composite(Splats(u, v, points[:, 2], radius), colors, (30, 40))
    np.testing.assert_allclose(drawn.image.reshape(-1, 3), colors, atol=1e-5)
    assert splat.underpaint_radius(radius, depth.ravel(), 0.0) == pytest.approx(radius)


def test_radius_has_a_minimum_and_underpaint_a_maximum() -> None:
    radius = splat.screen_radius(np.float32([0.001, 1.0]), np.float32([10, 10]), 100.0)
    np.testing.assert_allclose(radius, [splat.MIN_RADIUS_PX, 10.0])
    under = splat.underpaint_radius(radius, np.float32([10, 10]), 1e6)
    np.testing.assert_allclose(under, radius * splat.MAX_GROWTH)


def plane(camera: Intrinsics, depth: float):
    pixels = pixel_centers(camera.height, camera.width)
    points = unproject(pixels, np.full(pixels.shape[:2], depth, np.float32), camera).reshape(-1, 3)
    return points, np.full(len(points), depth / camera.focal, np.float32)


def coverage(points, radius, shift, camera: Intrinsics):
    """Alpha (h, w) of points (P, 3) and their underpaint, seen by a camera moved by -shift."""
    x, y, z = (points + np.float32(shift)).T
    disc = splat.screen_radius(radius, z, camera.focal)
    under = splat.underpaint_radius(disc, z, float(np.linalg.norm(shift)))
    center = (np.tile(camera.focal * p / z + c, 2) for p, c in ((x, camera.cx), (y, camera.cy)))
    discs = Splats(*center, np.tile(z, 2), np.concatenate([disc, under]))
    gain = np.repeat([1.0, splat.UNDERPAINT_GAIN], len(z))
    size = (camera.height, camera.width)
    return splat.composite(discs, np.zeros((len(gain), 1)), size, gain=gain).alpha


@pytest.mark.parametrize(
    "shift", [(0, 0, 0), (0.01, 0.01, 0), (0, 0, -1), (0, 0, 0.5), (0.4, 0, 0)]
)
def test_a_wall_has_no_holes_from_any_camera(shift) -> None:
    camera = Intrinsics.from_field_of_view(64, 48, 1.0)
    points, radius = plane(camera.padded(30, 30, 30, 30), 3.0)
    alpha = coverage(points, radius, shift, camera)
    assert alpha.shape == (48, 64)
    assert alpha.min() > 0.999


def test_a_hole_is_not_covered() -> None:
    camera = Intrinsics.from_field_of_view(64, 48, 1.0)
    points, radius = plane(camera, 3.0)
    hole = (np.abs(points[:, :2]) < 0.3).all(axis=1)
    alpha = coverage(points[~hole], radius[~hole], (0, 0, 0), camera)
    reach = camera.focal * 0.3 / 3.0
    column, row = np.meshgrid(np.arange(64) + 0.5 - 32, np.arange(48) + 0.5 - 24)
    expected = (np.abs(column) < reach) & (np.abs(row) < reach)
    np.testing.assert_array_equal(alpha < 0.5, expected)
