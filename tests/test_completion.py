"""Completion of holes: the fill has texture, the rest is unchanged, and any input is handled."""

import cv2
import numpy as np
import pytest
from make_4d.ml.classical import completion, poisson
from scipy import ndimage


def texture(height, width, seed, sigma=1.2, low=0.2, high=0.8):
    """Colored noise with structure of a few pixels, (H, W, 3)."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    noise = ndimage.gaussian_filter(noise, (sigma, sigma, 0))
    noise = (noise - noise.min()) / np.ptp(noise)
    return (low + (high - low) * noise).astype(np.float32)


def box_mask(shape, rows, columns):
    hole = np.zeros(shape, bool)
    hole[rows, columns] = True
    return hole


def gradient_energy(image, mask):
    """Mean squared step between neighbors that both lie in the mask."""
    right = (np.diff(image, axis=1) ** 2).sum(2)[mask[:, 1:] & mask[:, :-1]]
    down = (np.diff(image, axis=0) ** 2).sum(2)[mask[1:] & mask[:-1]]
    return float(np.concatenate([right, down]).mean())


@pytest.fixture(scope="module")
def filled():
    image = texture(96, 120, 3)
    hole = box_mask(image.shape[:2], slice(30, 74), slice(40, 90))
    damaged = np.where(hole[..., None], np.float32([9.0, -9.0, np.nan]), image)
    return image, hole, completion.complete(damaged, hole, seed=1)


def test_observed_pixels_are_unchanged(filled):
    image, hole, result = filled
    assert result.dtype == np.float32
    assert np.array_equal(result[~hole], image[~hole])


def test_fill_has_the_texture_of_its_surroundings(filled):
    image, hole, result = filled
    inside = cv2.erode(hole.astype(np.uint8), np.ones((9, 9))) > 0
    typical = gradient_energy(image, ~hole)
    assert 0.6 * typical < gradient_energy(result, inside) < 1.6 * typical
    # A smooth fill has far less.
    assert gradient_energy(poisson.smooth_fill(image, ~hole), inside) < 0.1 * typical


def test_fill_keeps_the_range_and_the_mean_of_the_source(filled):
    image, hole, result = filled
    low, high = image[~hole].min(0), image[~hole].max(0)
    assert (result[hole] >= low).all() and (result[hole] <= high).all()
    assert np.abs(result[hole].mean(0) - image[~hole].mean(0)).max() < 0.06


def test_seam_is_no_steeper_than_the_image(filled):
    _image, hole, result = filled
    across = np.abs(np.diff(result, axis=1)).mean(2)
    edge = hole[:, 1:] ^ hole[:, :-1]
    typical = across[~hole[:, 1:] & ~hole[:, :-1]]
    assert across[edge].mean() < 1.3 * typical.mean()
    assert across[edge].max() < typical.max() * 1.1


def test_no_patch_is_repeated():
    image = texture(96, 96, 8)
    hole = box_mask((96, 96), slice(0, 96), slice(40, 96))
    result = completion.complete(image, hole)
    gray = (result.mean(2) - result.mean()).astype(np.float32)
    strip = gray[10:86, 50:90]
    correlations = [
        float((strip * np.roll(strip, s, 1)).mean() / strip.var()) for s in range(8, 33)
    ]
    assert max(correlations) < 0.7


def test_seed_determines_the_fill(filled):
    image, hole, result = filled
    damaged = np.where(hole[..., None], np.float32(0.0), image)
    assert np.array_equal(completion.complete(damaged, hole, seed=1), result)
    assert not np.array_equal(completion.complete(damaged, hole, seed=2), result)


def test_descriptors_keep_two_regions_apart():
    # Inside the hole the border lies elsewhere than the surroundings suggest.
    left = texture(90, 120, 1, sigma=2, low=0.3, high=0.9) * np.float32([0.4, 0.6, 1.0])
    right = texture(90, 120, 2, sigma=2, low=0.3, high=0.9) * np.float32([1.0, 0.6, 0.4])
    region_map = np.broadcast_to(np.arange(120)[None, :] < 60, (90, 120)).copy()
    image = np.where(region_map[..., None], left, right)
    hole = box_mask((90, 120), slice(20, 70), slice(30, 90))
    region_map[hole] = np.broadcast_to(np.arange(120)[None, :] < 75, (90, 120))[hole]
    result = completion.complete(image, hole, descriptors=region_map.astype(np.float32))
    blue = result[..., 2] > result[..., 0]
    assert blue[hole & region_map].mean() > 0.93
    assert blue[hole & ~region_map].mean() < 0.07


def test_weighted_colors_match_the_expected_ones():
    image = texture(80, 100, 4, low=0.45, high=0.55)
    image[:4], image[-4:] = 0.9, 0.1
    hole = box_mask((80, 100), slice(10, 70), slice(20, 80))
    bump = 0.1 * np.sin(np.linspace(0.0, np.pi, 60, dtype=np.float32))
    statistics = np.full((80, 100, 4), 0.5, np.float32)
    statistics[10:70, 20:80, :3] += (bump[:, None] * bump[None, :] / 0.1)[..., None]
    statistics[..., 3] = 0.03

    def mean_error(guidance):
        difference = completion.complete_with_guidance(image, hole, guidance) - statistics[..., :3]
        return np.abs(ndimage.gaussian_filter(difference, (5, 5, 0))[30:50, 40:60]).mean()

    everywhere = np.ones((80, 100), np.float32)
    weighted = mean_error(completion.Guidance(color_statistics=statistics, color_weight=everywhere))
    unweighted = mean_error(completion.Guidance(color_statistics=statistics))
    assert weighted < 0.05
    assert weighted < 0.5 * unweighted


def test_expensive_sources_are_avoided():
    image = texture(80, 100, 4)
    image[20:60, :20] = np.float32([0.9, 0.1, 0.1])
    hole = box_mask((80, 100), slice(10, 70), slice(20, 50))
    cost = np.zeros((80, 100), np.float32)
    cost[:, :20] = 1.0
    default = completion.complete(image, hole)
    expensive = completion.complete_with_guidance(image, hole, completion.Guidance(cost=cost))
    red = [((x[..., 0] - x[..., 1]) > 0.7)[hole].sum() for x in (default, expensive)]
    assert red[1] < 0.4 * red[0]


def test_patches_come_only_from_the_source():
    image = np.zeros((64, 64, 3), np.float32)
    image[..., 1] = texture(64, 64, 4)[..., 1]
    image[:, :20, 0] = 0.9
    hole = box_mask((64, 64), slice(10, 54), slice(24, 50))
    source = np.zeros((64, 64), bool)
    source[:, 50:] = True
    result = completion.complete(image, hole, source=source)
    assert result[hole][:, 0].max() == 0.0


def test_smooth_gradient_is_continued_without_steps():
    ramp = np.linspace(0.2, 0.8, 100, dtype=np.float32)
    image = np.repeat(np.repeat(ramp[:, None], 120, 1)[..., None], 3, 2)
    hole = box_mask((100, 120), slice(30, 70), slice(40, 80))
    result = completion.complete(image, hole)
    assert np.abs(result - image)[hole].max() < 0.06
    assert np.abs(np.diff(result, axis=1)).max() < 0.03


def test_large_hole_is_filled_with_texture():
    image = texture(80, 100, 5)
    hole = box_mask((80, 100), slice(16, 80), slice(0, 100))
    result = completion.complete(image, hole)
    assert gradient_energy(result, hole) > 0.5 * gradient_energy(image, ~hole)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 300), (7, 7), (300, 5), (8, 40)])
@pytest.mark.parametrize("hole_kind", ["pixel", "half", "all"])
def test_tiny_images_with_any_hole(shape, hole_kind):
    image = texture(max(shape[0], 2), max(shape[1], 2), 6)[: shape[0], : shape[1]]
    hole = np.ones(shape, bool)
    if hole_kind == "pixel":
        hole[:] = False
        hole[shape[0] // 2, shape[1] // 2] = True
    elif hole_kind == "half":
        hole[:, : shape[1] // 2] = False
    result = completion.complete(image, hole)
    assert result.shape == image.shape
    assert np.isfinite(result).all()
    assert np.array_equal(result[~hole], image[~hole])
    assert result.min() >= 0.0 and result.max() <= 1.0


def test_full_hole_gives_gray_and_no_hole_a_copy():
    image = texture(20, 20, 7)
    gray = completion.complete(image, np.ones((20, 20), bool))
    assert (gray == poisson.GRAY).all()
    same = completion.complete(image, np.zeros((20, 20), bool))
    assert np.array_equal(same, image) and same is not image


def test_empty_source_gives_a_smooth_fill():
    image = texture(40, 40, 9)
    hole = box_mask((40, 40), slice(10, 30), slice(10, 30))
    result = completion.complete(image, hole, source=np.zeros((40, 40), bool))
    assert gradient_energy(result, hole) < 0.2 * gradient_energy(image, ~hole)


def test_mismatched_shapes_are_rejected():
    image = texture(20, 20, 7)
    with pytest.raises(ValueError, match="hole"):
        completion.complete(image, np.zeros((20, 21), bool))
    with pytest.raises(ValueError, match="descriptors"):
        completion.complete(image, np.zeros((20, 20), bool), descriptors=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="image"):
        completion.complete(image[..., 0], np.zeros((20, 20), bool))


def test_progress_rises_to_one_and_can_cancel():
    image = texture(80, 80, 2)
    hole = box_mask((80, 80), slice(20, 60), slice(20, 60))
    progress = []
    completion.complete(image, hole, report=progress.append)
    assert progress == sorted(progress) and progress[-1] == 1.0 and len(progress) > 4

    def cancel(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        completion.complete(image, hole, report=cancel)


def test_source_too_thin_for_coarse_scales():
    image = texture(150, 200, 3)
    hole = np.ones((150, 200), bool)
    hole[70:79] = False
    result = completion.complete(image, hole)
    assert np.isfinite(result).all()
    assert gradient_energy(result, hole) > 0.3 * gradient_energy(image, ~hole)


def test_large_images_are_rendered_from_the_coarser_field(monkeypatch):
    monkeypatch.setattr(completion, "MAX_SEARCHED_PIXELS", 96 * 120 // 2)
    image = texture(96, 120, 3, sigma=2.5)
    hole = box_mask((96, 120), slice(30, 74), slice(40, 90))
    result = completion.complete(image, hole)
    assert np.array_equal(result[~hole], image[~hole])
    assert 0.5 < gradient_energy(result, hole) / gradient_energy(image, ~hole) < 1.6
