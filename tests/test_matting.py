"""Matting of depth edges matches plain loops and discs of known coverage; the matting stage."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from make_4d.geometry.core import matting
from make_4d.geometry.core.color import linear_to_srgb, srgb_to_linear
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.stages import matte
from make_4d.ml.stages.context import StageContext

SIDE, FINE = 40, 8
"""Pixels along a side of the disc's image, and samples along a side of a pixel."""
CENTER, RADIUS = (20.3, 19.1), 11.4
COLORS = {
    "dark on light": ((0.1, 0.15, 0.1), (0.8, 0.9, 1.0)),
    "light on dark": ((0.9, 0.85, 0.8), (0.1, 0.2, 0.3)),
    "red on blue": ((0.8, 0.2, 0.15), (0.2, 0.4, 0.8)),
}


def clamped(values, row, column):
    """Return the value at a position; outside, that of the border."""
    height, width = values.shape
    return float(values[min(max(row, 0), height - 1), min(max(column, 0), width - 1)])


def windows(values, reach):
    """Return the values within `reach` of each pixel, (H, W, n), row by row."""
    steps = list(product(range(-reach, reach + 1), repeat=2))
    height, width = values.shape
    return np.array(
        [
            [[clamped(values, y + down, x + right) for down, right in steps] for x in range(width)]
            for y in range(height)
        ]
    )


def plain_band(disparity, reach):
    """`edge_band` by loops over pixels."""
    around = windows(disparity, reach)
    near, far = around.max(-1), around.min(-1)
    beside = windows(np.median(windows(disparity, 2), axis=-1), 1)
    across = np.array([-1, 0, 1, -2, 0, 2, -1, 0, 1]) / 8
    down = across.reshape(3, 3).T.ravel()
    slope = np.maximum(np.abs((beside * across).sum(-1)), np.abs((beside * down).sum(-1)))
    step = near - 2 * reach * matting.SLOPE_SLACK * windows(slope, 2).min(-1)
    band = np.zeros(disparity.shape, bool)
    for pixel in np.ndindex(*disparity.shape):
        enough = step[pixel] - far[pixel] > matting.MIN_STEP
        band[pixel] = enough and step[pixel] > matting.MIN_RATIO * far[pixel]
    return band, (near + far) / 2


def plain_sides(linear, disparity, band, middle, radius):
    """`find_sides` by loops over pixels and their windows."""
    found = []
    for y, x in zip(*np.nonzero(band), strict=True):
        members = ([], [])  # weight, row, column of the near and the far side
        for row, column in np.ndindex(*band.shape):
            if max(abs(row - y), abs(column - x)) <= radius:
                distance = ((row - y) ** 2 + (column - x) ** 2) / radius**2
                pure = matting.MIXED_WEIGHT if band[row, column] else 1.0
                weight = float(np.float32(math.exp(-2 * distance) * pure))
                members[int(disparity[row, column] <= middle[y, x])].append((weight, row, column))
        for side in members:
            weight, rows, columns = (np.array(part) for part in zip(*side, strict=True))
            colors = linear[rows, columns].astype(float)
            mean = np.average(colors, axis=0, weights=weight)
            spread = np.average(((colors - mean) ** 2).sum(-1), weights=weight)
            heaviest = np.argmax(weight)
            index = rows[heaviest] * band.shape[1] + columns[heaviest]
            found += [mean, index, spread]
    near, near_index, _, far, far_index, spread = (np.array(found[n::6]) for n in range(6))
    return matting.Sides(near, near_index, far, far_index, spread)


def plain_opacity(color, near, far, spread, is_near):
    """`opacities` of one pixel."""
    across, from_far = near - far, color - far
    apart = float(across @ across)
    fraction = min(max(float(from_far @ across) / max(apart, 1e-9), 0.0), 1.0)
    left = from_far - fraction * across
    separable = apart > matting.MIN_CONTRAST**2 and left @ left < matting.MAX_RESIDUAL**2 * apart
    unlike = math.sqrt(from_far @ from_far) > max(
        matting.UNLIKE * math.sqrt(spread), matting.MIN_UNLIKE
    )
    if not separable:
        fraction = float(is_near or (unlike and apart > matting.MIN_CONTRAST**2))
    return 0.0 if fraction < matting.MIN_OPACITY else min(fraction, matting.MAX_OPACITY)


def plain_unmixed(color, near, far, opacity):
    """`unmixed` of one pixel, in linear light."""
    if opacity >= 0.5:
        near = (color - (1 - opacity) * far) / opacity
    else:
        far = (color - opacity * near) / (1 - opacity)
    return near.clip(0, 1), far.clip(0, 1)


def disparities():
    """Small disparities (H, W) by name: noise, steps, a slope in front of the sky, thin lines."""
    rng = np.random.default_rng(5)
    steps = np.full((11, 14), 0.1, np.float32)
    steps[3:8, 4:11], steps[9:, :6] = 0.6, 0.3
    ground = np.repeat(np.linspace(0, 0.3, 13, dtype=np.float32)[:, None], 12, axis=1)
    ground[:, 5:8] = 0.8
    thin = np.zeros((9, 15), np.float32)
    thin[:, 3], thin[4, 8:], thin[7, 12] = 0.5, 0.9, 0.2
    return {
        "noise": rng.random((10, 13)).astype(np.float32),
        "few depths": rng.choice(np.float32([0, 0.02, 0.3, 0.31]), (12, 9)),
        "slight": (0.4 + 0.03 * rng.random((12, 12))).astype(np.float32),
        "steps": steps,
        "ground": ground,
        "thin": thin,
    }


@pytest.mark.parametrize("reach", [1, 2])
@pytest.mark.parametrize("name", disparities())
def test_matches_plain_loops(name, reach):
    disparity = disparities()[name]
    noise = np.random.default_rng(reach).normal(0, 0.03, (*disparity.shape, 3))
    image = np.float32([0.9, 0.6, 0.3]) * (1 - disparity[..., None]) + 0.05
    linear = srgb_to_linear((image + noise).clip(0, 1))
    band, middle = matting.edge_band(disparity, reach)
    plain, plain_middle = plain_band(disparity, reach)
    np.testing.assert_array_equal(band, plain)
    np.testing.assert_allclose(middle, plain_middle, atol=1e-5)
    assert band.any()
    sides = matting.find_sides(linear, disparity, band, middle, 2 * reach + 1)
    expected = plain_sides(linear, disparity, band, middle, 2 * reach + 1)
    for field in ("near", "far"):
        np.testing.assert_array_equal(getattr(sides, field), getattr(expected, field))
        colors = (getattr(part, f"{field}_color") for part in (sides, expected))
        np.testing.assert_allclose(*colors, atol=1e-5)
    is_near = (disparity > middle)[band]
    opacity = matting.opacities(linear[band], sides, is_near)
    np.testing.assert_allclose(sides.far_spread, expected.far_spread, atol=1e-5)
    pixels = (linear[band], expected.near_color, expected.far_color)
    separable = zip(*pixels, expected.far_spread, is_near, strict=True)
    by_loops = np.array([plain_opacity(*pixel) for pixel in separable])
    np.testing.assert_allclose(opacity, by_loops, atol=1e-5)
    colors = [plain_unmixed(*pixel) for pixel in zip(*pixels, by_loops, strict=True)]
    unmixed = matting.unmixed(linear[band], sides, opacity)
    for made, own in zip(unmixed, zip(*colors, strict=True), strict=True):
        np.testing.assert_allclose(made, linear_to_srgb(np.array(own)), atol=1e-5)


def disc(near, far, far_disparity=0.2, shift=0.0):
    """Return a disc's image, its coverage (H, W), and a disparity that is off by `shift` pixels."""
    fine = (np.arange(SIDE * FINE) + 0.5) / FINE
    inside = np.hypot(fine[None] - CENTER[0], fine[:, None] - CENTER[1]) < RADIUS
    coverage = inside.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3))
    near, far = srgb_to_linear(np.array(near)), srgb_to_linear(np.array(far))
    image = linear_to_srgb(coverage[..., None] * near + (1 - coverage[..., None]) * far)
    middle = np.arange(SIDE) + 0.5
    is_near = np.hypot(middle[None] - CENTER[0] - shift, middle[:, None] - CENTER[1]) < RADIUS
    return image, coverage, np.where(is_near, 0.7, far_disparity).astype(np.float32)


def composed(made):
    """Composite the fringe over the background in linear light; returns sRGB."""
    fraction = made.opacity[..., None]
    near, far = (srgb_to_linear(color) for color in (made.near_color, made.far_color))
    return linear_to_srgb(fraction * near + (1 - fraction) * far)


@pytest.mark.parametrize(
    "reach, shift, far_disparity", [(1, 0.0, 0.2), (1, 0.0, 0.0), (2, 0.0, 0.2), (2, 1.0, 0.0)]
)
@pytest.mark.parametrize("name", COLORS)
def test_disc_is_separated_from_its_background(name, reach, shift, far_disparity):
    near, far = COLORS[name]
    image, coverage, disparity = disc(near, far, far_disparity, shift)
    made = matting.matte_edges(image, disparity, reach)
    band, _ = matting.edge_band(disparity, reach)
    assert band[(coverage > 0) & (coverage < 1)].all()
    assert np.abs(made.opacity - coverage)[band].max() < 0.1
    assert np.abs(made.far_color - far)[band].max() < (0.05 if shift else 0.03)
    assert np.abs(made.near_color - near)[made.opacity > 0.2].max() < 0.05
    np.testing.assert_allclose(composed(made), image, atol=2 / 255)
    flat = disparity.ravel()
    np.testing.assert_array_equal(flat[made.near[band]], np.float32(0.7))
    np.testing.assert_array_equal(flat[made.far[band]], np.float32(far_disparity))
    own = np.arange(flat.size).reshape(image.shape[:2])
    for index, color in ((made.near, made.near_color), (made.far, made.far_color)):
        np.testing.assert_array_equal(index[~band], own[~band])
        np.testing.assert_array_equal(color[~band], image[~band])


def test_depth_decides_if_both_sides_look_alike():
    image, _, disparity = disc((0.5, 0.5, 0.5), (0.5, 0.5, 0.52))
    made = matting.matte_edges(image, disparity, 1)
    band, _ = matting.edge_band(disparity, 1)
    decided = np.where(disparity == np.float32(0.7), matting.MAX_OPACITY, 0.0)
    np.testing.assert_allclose(made.opacity[band], decided[band], atol=1e-6)
    np.testing.assert_allclose(composed(made), image, atol=2 / 255)


@pytest.mark.parametrize("reach, slope", [(1, 0.005), (2, 0.0025)])
def test_slopes_have_no_edge_but_objects_on_them_do(reach, slope):
    rows = np.arange(0.02, 1.0, slope, dtype=np.float32)
    ground = np.repeat(rows[:, None], 60, axis=1)
    assert not matting.edge_band(ground, reach)[0].any()
    assert not matting.edge_band(np.ascontiguousarray(ground.T), reach)[0].any()
    ground[20:60, 20:40] = rows[60]  # upright, with its foot on the ground
    band, _ = matting.edge_band(ground, reach)
    assert band[20:50, 20 - reach : 20 + reach].all() and band[20 - reach : 20 + reach, 20:40].all()
    assert not band[60 + reach + 2 :].any() and not band[20:60, 25:35][reach:].any()


@pytest.mark.parametrize("reach, step", [(0, 0.5), (1, 0.0), (3, 0.004)])
def test_image_without_edges_is_unchanged(rng, reach, step):
    image = rng.random((16, 20, 3)).astype(np.float32)
    disparity = np.full((16, 20), 0.3, np.float32)
    disparity[:, 10:] += step
    made = matting.matte_edges(image, disparity, reach)
    assert not made.opacity.any()
    own = np.arange(disparity.size).reshape(disparity.shape)
    for color, index in ((made.near_color, made.near), (made.far_color, made.far)):
        np.testing.assert_array_equal(color, image)
        np.testing.assert_array_equal(index, own)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 9), (7, 1)])
@pytest.mark.parametrize("reach", [0, 1, 2, 5])
def test_tiny_images_are_valid(rng, shape, reach):
    image, disparity = (rng.random((*shape, n)).astype(np.float32) for n in (3, 1))
    made = matting.matte_edges(image, disparity[..., 0], reach)
    assert made.opacity.shape == shape and np.isfinite(made.far_color).all()
    assert made.near.min() >= 0 and max(made.near.max(), made.far.max()) < disparity.size


def run_matte(image, disparity, size):
    """Return the arrays of the matting stage; the sky has disparity 0."""
    inputs = {
        "outpainted": image,
        "disparity": disparity,
        "sky": (disparity == 0).astype(np.float32),
    }
    context = StageContext(lambda fraction, detail: None, lambda: False)
    return matte.run(inputs, JobSettings("photo.jpg", size=size), context)


@pytest.mark.parametrize("size", [64, 512, 1024])
def test_stage_returns_background_and_fringe(size):
    image, coverage, disparity = disc(*COLORS["red on blue"], far_disparity=0.0)
    made = run_matte(image, disparity, size)
    kinds = {"back": (3,), "back_disparity": (), "back_sky": (), "peeled": (), "fringe_opacity": ()}
    kinds |= {"fringe_color": (3,), "fringe_source": ()}
    assert {name: array.shape[2:] for name, array in made.items()} == kinds
    assert all(array.shape[:2] == disparity.shape for array in made.values())
    types = {"peeled": np.bool_, "fringe_source": np.int32}
    assert all(a.dtype == types.get(name, np.float32) for name, a in made.items())
    band, _ = matting.edge_band(disparity, max(1, round(size / 512)))
    # Behind the fringe is the sky, even where the disc hides it.
    assert not made["back_disparity"][band].any() and (made["back_sky"][band] == 1).all()
    np.testing.assert_array_equal(made["back_disparity"][~band], disparity[~band])
    np.testing.assert_array_equal(made["back_sky"][~band], (disparity == 0)[~band])
    np.testing.assert_array_equal(made["peeled"], made["fringe_opacity"] > matte.SOLID)
    assert made["peeled"].any() and (band & ~made["peeled"]).any()
    assert (made["fringe_opacity"] > 0)[band & (coverage > 0.05)].all()
    assert not made["fringe_opacity"][~band].any()
    assert (disparity.ravel()[made["fringe_source"][band]] == np.float32(0.7)).all()


def test_thin_things_become_fringe_entirely():
    image = np.full((20, 24, 3), 0.8, np.float32)
    disparity = np.full((20, 24), 0.1, np.float32)
    image[:, 12], disparity[:, 12] = 0.1, 0.9
    made = run_matte(image, disparity, 512)
    np.testing.assert_array_equal(made["back_disparity"], np.float32(0.1))
    np.testing.assert_allclose(made["back"], 0.8, atol=1e-3)
    assert (made["fringe_opacity"][:, 12] > 0.9).all() and made["fringe_opacity"].sum() < 20.1
    assert (made["fringe_source"][:, 12] % 24 == 12).all()


def test_rim_unlike_both_sides_belongs_to_the_near_side():
    image = np.full((20, 24, 3), (0.2, 0.3, 0.6), np.float32)
    disparity = np.full((20, 24), 0.0, np.float32)
    image[:, 12:], disparity[:, 12:] = (0.6, 0.3, 0.2), 0.5
    image[:, 11] = (0.95, 0.95, 0.95)  # the depth map ends a pixel short of it
    made = matting.matte_edges(image, disparity, 1)
    assert (made.opacity[:, 11:13] > 0.99).all() and not made.opacity[:, :11].any()
    np.testing.assert_allclose(made.far_color[:, :13], image[:, :1].repeat(13, axis=1), atol=0.01)
