"""Image processing around a diffusion model: tiles, seam and previews, all in NumPy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from make_4d.ml.pretrained import preview, seam, tiles
from make_4d.ml.pretrained.tiles import Tile, blending_weights, first_pass_size, tiles_for

CASES = [
    ((300, 400), 64, 16),
    ((65, 64), 64, 16),
    ((64, 64), 64, 16),
    ((40, 500), 64, 16),
    ((8, 8), 64, 16),
    ((513, 129), 128, 32),
]


def landscape(height: int, width: int) -> np.ndarray:
    """A sky above grainy ground (H, W, 3)."""
    y = np.broadcast_to(np.linspace(0, 1, height)[:, None], (height, width))
    grain = 0.85 + 0.3 * np.random.default_rng(1).random((height, width, 1))
    sky = np.stack([0.35 + 0.4 * y, 0.55 + 0.3 * y, 0.85 + 0.1 * y], axis=-1)
    ground = np.stack([0.25 + 0.1 * y, 0.4 + 0 * y, 0.15 + 0 * y], axis=-1) * grain
    return np.where((y > 0.55)[..., None], ground, sky).astype(np.float32)


CENTER_HOLE = np.zeros((160, 200), bool)
CENTER_HOLE[40:120, 50:150] = True


def random_hole(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A hole of a few random boxes and single pixels."""
    hole = rng.random(size) < 0.0005
    for _ in range(3):
        top, left = (int(rng.integers(0, side)) for side in size)
        height, width = (int(rng.integers(1, side + 1)) for side in size)
        hole[top : top + height // 3, left : left + width // 3] = True
    hole[int(rng.integers(0, size[0])), int(rng.integers(0, size[1]))] = True
    return hole


@pytest.mark.parametrize(("size", "tile", "overlap"), CASES)
def test_every_hole_pixel_is_covered(rng, size, tile, overlap) -> None:
    for _ in range(20):
        hole = random_hole(rng, size)
        covered = np.zeros(size, int)
        for part in tiles_for(size, tile, overlap, hole):
            assert 0 <= part.top <= part.top + part.height <= size[0]
            assert 0 <= part.left <= part.left + part.width <= size[1]
            assert (part.height, part.width) == (min(tile, size[0]), min(tile, size[1]))
            assert hole[part.window].any(), "a tile without hole"
            covered[part.window] += 1
        assert (covered[hole] > 0).all()


def test_no_tiles_without_a_hole() -> None:
    assert tiles_for((300, 400), 64, 16, np.zeros((300, 400), bool)) == []


def test_small_hole_gets_one_centered_tile() -> None:
    hole = np.zeros((300, 400), bool)
    hole[100:110, 200:210] = True
    (tile,) = tiles_for((300, 400), 64, 16, hole)
    assert tile.top == 105 - 32 and tile.left == 205 - 32


def test_tiles_overlap_by_the_requested_amount() -> None:
    parts = tiles_for((64, 1000), 64, 16, np.ones((64, 1000), bool))
    lefts = sorted(part.left for part in parts)
    assert lefts[0] == 0 and lefts[-1] == 1000 - 64
    steps = np.diff(lefts)
    assert steps.max() <= 64 - 16 and steps.max() - steps.min() <= 1


def test_tiles_go_from_the_border_inward() -> None:
    hole = np.zeros((300, 300), bool)
    hole[40:260, 40:260] = True
    fractions = [hole[part.window].mean() for part in tiles_for((300, 300), 64, 16, hole)]
    assert fractions == sorted(fractions) and fractions[0] < 0.7 and fractions[-1] == 1.0


@pytest.mark.parametrize(("size", "tile", "overlap"), CASES)
def test_weights_sum_to_one(size, tile, overlap) -> None:
    """The weights of all tiles that cover a pixel, divided by their total, sum to one."""
    hole = np.ones(size, bool)
    parts = tiles_for(size, tile, overlap, hole)
    weights = [blending_weights(part, size, overlap) for part in parts]
    total = np.zeros(size)
    for part, weight in zip(parts, weights, strict=True):
        assert weight.min() > 0.0 and weight.max() <= 1.0
        total[part.window] += weight
    for y, x in [(0, 0), (size[0] - 1, size[1] - 1), (size[0] // 2, size[1] // 2)]:
        fractions = [
            weight[y - part.top, x - part.left] / total[y, x]
            for part, weight in zip(parts, weights, strict=True)
            if part.top <= y < part.top + part.height and part.left <= x < part.left + part.width
        ]
        assert sum(fractions) == pytest.approx(1.0)


def test_weights_blend_tiles_without_a_step() -> None:
    """Two tiles, one black and one white, blend into a ramp without a step."""
    size, overlap = (8, 112), 16
    parts = [Tile(0, 0, 8, 64), Tile(0, 48, 8, 64)]
    total, blended = np.zeros(size), np.zeros(size)
    for part, value in zip(parts, (0.0, 1.0), strict=True):
        weight = blending_weights(part, size, overlap)
        total[part.window] += weight
        blended[part.window] += weight * value
    steps = np.abs(np.diff(blended[4] / total[4]))
    assert steps.max() < 0.12, "a hard border would be a step of 1"


def test_weights_are_full_at_the_image_sides() -> None:
    weights = blending_weights(Tile(0, 0, 64, 64), (300, 64), 16)
    assert (weights[0] == 1.0).all() and (weights[:32, 0] == 1.0).all()
    assert weights[-1].max() < 0.01


@pytest.mark.parametrize(
    ("size", "native", "expected"),
    [
        ((640, 1024), 512, (640, 1024)),  # the paper's
        ((512, 512), 512, (512, 512)),
        ((500, 375), 512, (500, 375)),
        ((819, 819), 512, (819, 819)),
        ((1024, 1024), 512, (512, 512)),
        ((2160, 4096), 512, (368, 704)),
        ((300, 1200), 512, (256, 1024)),  # no longer than two native sides
        ((256, 256), 512, (512, 512)),  # too small for the model
        ((8, 8), 512, (512, 512)),
        ((8, 4096), 512, (8, 1024)),
    ],
)
def test_first_pass_size(size, native, expected) -> None:
    first = first_pass_size(size, native)
    assert first == expected
    assert first == size or not (first[0] % 8 or first[1] % 8)
    assert first[0] * first[1] <= (tiles.MAX_WHOLE_SIZE * native) ** 2
    assert max(first) <= tiles.MAX_LONGER_SIDE * native


# The seam


def border_step(image: np.ndarray, hole: np.ndarray) -> float:
    """Mean step across the hole's border, minus the mean step next to it on both sides."""
    right = hole[:, 1:] & ~hole[:, :-1]
    steps = np.abs(np.diff(image, axis=1)).mean(axis=-1)
    neighbor_steps = np.concatenate([steps[:, :-1][right[:, 1:]], steps[:, 1:][right[:, :-1]]])
    return float(steps[right].mean() - neighbor_steps.mean())


def test_seam_hides_a_color_shift() -> None:
    image, hole = landscape(160, 200), CENTER_HOLE
    shifted = image + np.float32([0.08, -0.05, 0.03])
    before = border_step(np.where(hole[..., None], shifted, image), hole)
    result = seam.match_seam(shifted, image, hole)
    after = border_step(result, hole)
    original_step = border_step(image, hole)
    assert before - original_step > 0.04 and abs(after - original_step) < 0.05 * (
        before - original_step
    )
    assert (result[~hole] == image[~hole]).all()
    # Deep inside it fades to the generated colors, and it overshoots nowhere.
    assert np.abs(result - image)[hole].max() <= 0.08 + 1e-5


def test_seam_follows_a_varying_color_shift() -> None:
    image, hole = landscape(160, 200), CENTER_HOLE
    shift = np.linspace(-0.1, 0.1, 160, dtype=np.float32)[:, None, None]
    original_step = border_step(image, hole)
    before = border_step(np.where(hole[..., None], image + shift, image), hole) - original_step
    after = border_step(seam.match_seam(image + shift, image, hole), hole) - original_step
    assert before > 0.01 and abs(after) < 0.1 * before


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 40)])
def test_seam_of_empty_and_full_holes(size) -> None:
    image = landscape(*size)
    full_hole, no_hole = np.ones(size, bool), np.zeros(size, bool)
    generated = 1.5 - image
    assert (seam.match_seam(generated, image, no_hole) == image).all()
    assert (seam.match_seam(generated, image, full_hole) == np.clip(generated, 0, 1)).all()


def test_coarse_colors_of_the_first_pass_are_kept() -> None:
    image = landscape(128, 128)
    detail = 0.05 * np.random.default_rng(0).standard_normal((128, 128, 3)).astype(np.float32)
    result = seam.match_colors(image + 0.1 + detail, image, 8.0)
    assert abs((result - image).mean()) < 0.005
    assert np.corrcoef((result - image).ravel(), detail.ravel())[0, 1] > 0.9


# Previews


def test_preview_recovers_a_linear_map(rng) -> None:
    image = landscape(64, 96)
    small = cv2.resize(image, (12, 8), interpolation=cv2.INTER_AREA)
    color_matrix = rng.normal(size=(3, 4))
    latents = np.moveaxis(3.0 * small @ color_matrix + 1.0, -1, 0).astype(np.float32)
    decoded = preview.LatentColors(latents, image).decode(latents)
    assert decoded.shape == (8, 12, 3) and np.abs(decoded - small).max() < 0.05


def test_preview_of_a_single_color(rng) -> None:
    flat = np.full((64, 64, 3), 0.3, np.float32)
    colors = preview.LatentColors(np.zeros((4, 8, 8), np.float32), flat)
    np.testing.assert_allclose(colors.decode(rng.normal(size=(4, 8, 8))), 0.3, atol=1e-6)


@pytest.mark.parametrize("size", [(300, 400), (5000, 8), (100, 90)])
def test_thumbnails_are_small(size) -> None:
    assert max(preview.thumbnail(np.zeros((*size, 3), np.float32)).shape) <= preview.PREVIEW_SIDE
