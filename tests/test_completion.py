"""Completion of holes: texture, not blur; nothing outside changes; sane for any input."""

import cv2
import numpy as np
import pytest
from make_4d.ml.builtin import completion, growth, patchmatch, poisson, voting
from scipy import ndimage


def texture(height, width, seed, sigma=1.2, low=0.2, high=0.8):
    """Coloured noise with structure of a few pixels, (H, W, 3)."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    noise = ndimage.gaussian_filter(noise, (sigma, sigma, 0))
    noise = (noise - noise.min()) / np.ptp(noise)
    return (low + (high - low) * noise).astype(np.float32)


def box(shape, rows, columns):
    hole = np.zeros(shape, bool)
    hole[rows, columns] = True
    return hole


def energy(image, mask):
    """Mean squared step between neighbours that both lie in the mask."""
    right = (np.diff(image, axis=1) ** 2).sum(2)[mask[:, 1:] & mask[:, :-1]]
    down = (np.diff(image, axis=0) ** 2).sum(2)[mask[1:] & mask[:-1]]
    return float(np.concatenate([right, down]).mean())


@pytest.fixture(scope="module")
def filled():
    image = texture(96, 120, 3)
    hole = box(image.shape[:2], slice(30, 74), slice(40, 90))
    damaged = np.where(hole[..., None], np.float32([9.0, -9.0, np.nan]), image)
    return image, hole, completion.complete(damaged, hole, seed=1)


def test_known_pixels_come_back_bit_for_bit(filled):
    image, hole, result = filled
    assert result.dtype == np.float32
    assert np.array_equal(result[~hole], image[~hole])


def test_fill_is_as_textured_as_its_surroundings(filled):
    image, hole, result = filled
    inside = cv2.erode(hole.astype(np.uint8), np.ones((9, 9))) > 0
    usual = energy(image, ~hole)
    assert 0.6 * usual < energy(result, inside) < 1.6 * usual
    # The measure tells a blur from texture.
    assert energy(poisson.smooth_fill(image, ~hole), inside) < 0.1 * usual


def test_fill_keeps_the_range_and_the_mean_of_the_source(filled):
    image, hole, result = filled
    low, high = image[~hole].min(0), image[~hole].max(0)
    assert (result[hole] >= low).all() and (result[hole] <= high).all()
    assert np.abs(result[hole].mean(0) - image[~hole].mean(0)).max() < 0.06


def test_seam_is_no_steeper_than_the_picture(filled):
    _image, hole, result = filled
    across = np.abs(np.diff(result, axis=1)).mean(2)
    edge = hole[:, 1:] ^ hole[:, :-1]
    usual = across[~hole[:, 1:] & ~hole[:, :-1]]
    assert across[edge].mean() < 1.3 * usual.mean()
    assert across[edge].max() < usual.max() * 1.1


def test_no_single_patch_is_copied_over_and_over():
    image = texture(96, 96, 8)
    hole = box((96, 96), slice(0, 96), slice(40, 96))
    result = completion.complete(image, hole)
    gray = (result.mean(2) - result.mean()).astype(np.float32)
    strip = gray[10:86, 50:90]
    match = [float((strip * np.roll(strip, s, 1)).mean() / strip.var()) for s in range(8, 33)]
    assert max(match) < 0.7


def test_same_seed_same_bits_other_seed_other_fill(filled):
    image, hole, result = filled
    damaged = np.where(hole[..., None], np.float32(0.0), image)
    assert np.array_equal(completion.complete(damaged, hole, seed=1), result)
    assert not np.array_equal(completion.complete(damaged, hole, seed=2), result)


def test_two_regions_stay_two_regions_with_a_guide():
    # The guide's border is elsewhere than what is seen around the hole suggests.
    left = texture(90, 120, 1, sigma=2, low=0.3, high=0.9) * np.float32([0.4, 0.6, 1.0])
    right = texture(90, 120, 2, sigma=2, low=0.3, high=0.9) * np.float32([1.0, 0.6, 0.4])
    guide = np.broadcast_to(np.arange(120)[None, :] < 60, (90, 120)).copy()
    image = np.where(guide[..., None], left, right)
    hole = box((90, 120), slice(20, 70), slice(30, 90))
    guide[hole] = np.broadcast_to(np.arange(120)[None, :] < 75, (90, 120))[hole]
    result = completion.complete(image, hole, guide=guide.astype(np.float32))
    blue = result[..., 2] > result[..., 0]
    assert blue[hole & guide].mean() > 0.93
    assert blue[hole & ~guide].mean() < 0.07


def test_held_colours_are_the_expected_ones():
    image = texture(80, 100, 4, low=0.45, high=0.55)
    image[:4], image[-4:] = 0.9, 0.1
    hole = box((80, 100), slice(10, 70), slice(20, 80))
    bump = 0.1 * np.sin(np.linspace(0.0, np.pi, 60, dtype=np.float32))
    looks = np.full((80, 100, 4), 0.5, np.float32)
    looks[10:70, 20:80, :3] += (bump[:, None] * bump[None, :] / 0.1)[..., None]
    looks[..., 3] = 0.03

    def miss(expected):
        apart = completion.complete_expecting(image, hole, expected) - looks[..., :3]
        return np.abs(ndimage.gaussian_filter(apart, (5, 5, 0))[30:50, 40:60]).mean()

    held = miss(completion.Expectations(looks=looks, hold=np.ones((80, 100), np.float32)))
    free = miss(completion.Expectations(looks=looks))
    assert held < 0.05
    assert held < 0.5 * free


def test_dear_sources_are_avoided():
    image = texture(80, 100, 4)
    image[20:60, :20] = np.float32([0.9, 0.1, 0.1])
    hole = box((80, 100), slice(10, 70), slice(20, 50))
    cost = np.zeros((80, 100), np.float32)
    cost[:, :20] = 1.0
    cheap = completion.complete(image, hole)
    dear = completion.complete_expecting(image, hole, completion.Expectations(cost=cost))
    red = [((x[..., 0] - x[..., 1]) > 0.7)[hole].sum() for x in (cheap, dear)]
    assert red[1] < 0.4 * red[0]


def test_patches_come_from_the_source_only():
    image = np.zeros((64, 64, 3), np.float32)
    image[..., 1] = texture(64, 64, 4)[..., 1]
    image[:, :20, 0] = 0.9
    hole = box((64, 64), slice(10, 54), slice(24, 50))
    source = np.zeros((64, 64), bool)
    source[:, 50:] = True
    result = completion.complete(image, hole, source=source)
    assert result[hole][:, 0].max() == 0.0


def test_smooth_gradient_is_continued_without_steps():
    ramp = np.linspace(0.2, 0.8, 100, dtype=np.float32)
    image = np.repeat(np.repeat(ramp[:, None], 120, 1)[..., None], 3, 2)
    hole = box((100, 120), slice(30, 70), slice(40, 80))
    result = completion.complete(image, hole)
    assert np.abs(result - image)[hole].max() < 0.06
    assert np.abs(np.diff(result, axis=1)).max() < 0.03


def test_a_hole_of_four_fifths_is_filled_with_texture():
    image = texture(80, 100, 5)
    hole = box((80, 100), slice(16, 80), slice(0, 100))
    result = completion.complete(image, hole)
    assert energy(result, hole) > 0.5 * energy(image, ~hole)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 300), (7, 7), (300, 5), (8, 40)])
@pytest.mark.parametrize("share", ["pixel", "half", "all"])
def test_tiny_pictures_and_any_hole(shape, share):
    image = texture(max(shape[0], 2), max(shape[1], 2), 6)[: shape[0], : shape[1]]
    hole = np.ones(shape, bool)
    if share == "pixel":
        hole[:] = False
        hole[shape[0] // 2, shape[1] // 2] = True
    elif share == "half":
        hole[:, : shape[1] // 2] = False
    result = completion.complete(image, hole)
    assert result.shape == image.shape
    assert np.isfinite(result).all()
    assert np.array_equal(result[~hole], image[~hole])
    assert result.min() >= 0.0 and result.max() <= 1.0


def test_nothing_known_gives_grey_and_no_hole_a_copy():
    image = texture(20, 20, 7)
    grey = completion.complete(image, np.ones((20, 20), bool))
    assert (grey == poisson.GREY).all()
    same = completion.complete(image, np.zeros((20, 20), bool))
    assert np.array_equal(same, image) and same is not image


def test_empty_source_gives_a_smooth_fill():
    image = texture(40, 40, 9)
    hole = box((40, 40), slice(10, 30), slice(10, 30))
    result = completion.complete(image, hole, source=np.zeros((40, 40), bool))
    assert energy(result, hole) < 0.2 * energy(image, ~hole)


def test_shapes_that_do_not_agree_are_refused():
    image = texture(20, 20, 7)
    with pytest.raises(ValueError, match="hole"):
        completion.complete(image, np.zeros((20, 21), bool))
    with pytest.raises(ValueError, match="guide"):
        completion.complete(image, np.zeros((20, 20), bool), guide=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="picture"):
        completion.complete(image[..., 0], np.zeros((20, 20), bool))


def test_progress_rises_to_one_and_may_cancel():
    image = texture(80, 80, 2)
    hole = box((80, 80), slice(20, 60), slice(20, 60))
    seen = []
    completion.complete(image, hole, report=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 4

    def cancel(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        completion.complete(image, hole, report=cancel)


def small_search(seed=0):
    image = texture(40, 44, seed)
    radius = 2
    inside = patchmatch.interior((40, 44), radius)
    valid = inside.copy()
    valid[:, 22:] = False
    targets = np.flatnonzero(inside & ~valid)
    rng = np.random.default_rng(5)
    basis = patchmatch.fit_basis(image, np.flatnonzero(inside), radius, 72, rng)
    everywhere = np.zeros((40 * 44, basis.filters.shape[1]), np.float32)
    rows = np.flatnonzero(inside)
    everywhere[rows] = patchmatch.describe(image, rows, basis)
    search = patchmatch.Search((40, 44), targets, valid.ravel(), everywhere)
    search.field[targets] = rng.choice(np.flatnonzero(valid), len(targets))
    search.want(everywhere[targets])
    return image, radius, search, rng


def plain_costs(image, radius, target, sources):
    """Mean squared colour difference of whole patches, pixel by pixel."""

    def patch(flat):
        row, column = divmod(int(flat), image.shape[1])
        return image[row - radius : row + radius + 1, column - radius : column + radius + 1]

    return np.array([3 * ((patch(target) - patch(s)) ** 2).mean() for s in sources])


def test_exact_search_equals_plain_comparison_of_patches():
    image, radius, search, _ = small_search()
    search.cost[:] = np.inf
    search.exact()
    sources = np.flatnonzero(search.valid)
    for i in range(0, len(search.targets), 37):
        costs = plain_costs(image, radius, search.targets[i], sources)
        assert search.cost[i] == pytest.approx(costs.min(), rel=1e-3, abs=1e-6)
        assert sources[costs.argmin()] == search.field[search.targets[i]]


def test_random_search_comes_close_to_the_exact_neighbours():
    _, _, search, rng = small_search()
    start = search.cost.mean()
    for _ in range(12):
        search.propagate((8, 4, 2, 1))
        search.scatter(22, rng)
    found = search.cost.copy()
    search.cost[:] = np.inf
    search.exact()
    # It keeps pieces together on purpose: a gain of under 30 % is not taken.
    assert found.mean() < 1.35 * search.cost.mean()
    assert found.mean() < 0.6 * start
    assert (found >= search.cost - 1e-5).all()


def test_field_keeps_to_valid_sources_and_enlarges_whole_pieces():
    _, _, search, rng = small_search()
    search.propagate((4, 1))
    search.scatter(22, rng)
    assert search.valid[search.field[search.targets]].all()
    shift = np.arange(10 * 10) + 2 * 10 + 1
    large = patchmatch.enlarge(np.clip(shift, 0, 99), (10, 10), (20, 20), 0).reshape(20, 20)
    rows, columns = np.divmod(large[:12, :16], 20)
    assert (rows - np.indices((12, 16))[0] == 4).all()
    assert (columns - np.indices((12, 16))[1] == 2).all()


def test_usage_counts_like_a_plain_window_mean():
    field = np.random.default_rng(1).integers(0, 63, 40)
    got = patchmatch.usage(field, (7, 9), 1).reshape(7, 9)
    counts = np.zeros((9, 11))
    for flat in field:
        counts[flat // 9 + 1, flat % 9 + 1] += 1
    for row in range(7):
        for column in range(9):
            window = counts[row : row + 3, column : column + 3]
            assert got[row, column] == pytest.approx(window.mean(), abs=1e-6)


def test_votes_equal_a_plain_loop():
    rng = np.random.default_rng(3)
    image = rng.random((12 * 10, 3)).astype(np.float32)
    field = rng.integers(33, 87, 120)
    weight = rng.random(120).astype(np.float32)
    ballot = voting.Ballot(10, 1, image, field, weight)
    pixels = np.array([34, 55, 76])
    for pixel, got in zip(pixels, voting.vote(ballot, pixels), strict=True):
        total, mass = np.zeros(3), 0.0
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                centre = pixel + 10 * dy + dx
                share = weight[centre] * np.exp(-(dx * dx + dy * dy))
                total += share * image[field[centre] - 10 * dy - dx]
                mass += share
        assert got == pytest.approx(total / mass, abs=1e-5)


def test_faint_votes_count_where_there_are_no_others():
    image = np.full((100, 3), 0.7, np.float32)
    weight = np.full(100, 1e-17, np.float32)
    ballot = voting.Ballot(10, 1, image, np.full(100, 50), weight)
    assert voting.vote(ballot, np.array([45]), 30.0) == pytest.approx(0.7, abs=1e-3)


def test_sharp_votes_follow_the_majority():
    image = np.zeros((100, 3), np.float32)
    image[50:] = 1.0
    field = np.full(100, 20)
    field[44] = 70
    sharp = voting.vote(
        voting.Ballot(10, 1, image, field, np.ones(100, np.float32)), np.array([45]), 10.0
    )
    mean = voting.vote(voting.Ballot(10, 1, image, field, np.ones(100, np.float32)), np.array([45]))
    assert 0.0 <= sharp.max() < 0.25 * mean.max()


def test_blend_equals_the_solved_linear_system():
    rng = np.random.default_rng(0)
    image = rng.random((6, 7, 1)).astype(np.float32)
    hole = box((6, 7), slice(1, 5), slice(2, 7))
    right = rng.normal(size=(6, 6, 1)).astype(np.float32) * 0.1
    down = rng.normal(size=(5, 7, 1)).astype(np.float32) * 0.1
    screen = np.full((6, 7), 0.05, np.float32)
    got = poisson.blend(image, hole, (right, down), screen, steps=300)
    pixels = np.flatnonzero(hole)
    index = {p: i for i, p in enumerate(pixels)}
    rows, wishes = [], []
    for p in range(42):
        for q, wish in ((p + 1, right), (p + 7, down)):
            if (q == p + 1 and p % 7 == 6) or q > 41 or not (hole.flat[p] or hole.flat[q]):
                continue
            row = np.zeros(len(pixels))
            for end, sign in ((p, -1.0), (q, 1.0)):
                if end in index:
                    row[index[end]] = sign
            rows.append(row)
            wishes.append(wish[p // 7, p % 7, 0])
    rows += list(np.sqrt(0.05) * np.eye(len(pixels)))
    wishes += [0.0] * len(pixels)
    exact = np.linalg.lstsq(np.array(rows), np.array(wishes), rcond=None)[0]
    assert np.abs((got - image).ravel()[pixels] - exact).max() < 1e-4
    assert np.array_equal(got[~hole], image[~hole])


def test_smooth_fill_lies_between_what_is_known():
    image = np.zeros((30, 30, 1), np.float32)
    image[:, 20:] = 1.0
    known = np.ones((30, 30), bool)
    known[:, 8:22] = False
    fill = poisson.smooth_fill(image, known)[..., 0]
    assert np.array_equal(fill[known], image[..., 0][known])
    assert (np.diff(fill, axis=1) >= -1e-4).all()
    assert np.abs(np.diff(fill, axis=1)).max() < 0.25


def test_growth_fills_from_valid_centres_only():
    image = texture(30, 40, 2)
    hole = box((30, 40), slice(0, 30), slice(20, 40))
    valid = np.flatnonzero(patchmatch.interior((30, 40), 2) & (np.arange(40) < 17)[None, :])
    rng = np.random.default_rng(0)
    none = np.zeros((1200, 1), np.float32)
    grown, field = growth.grow(image, hole, valid, 2, none, none[:, 0], rng)
    assert np.isin(field.reshape(30, 40)[hole], valid).all()
    assert np.array_equal(grown[hole], image.reshape(-1, 3)[field].reshape(30, 40, 3)[hole])
    assert np.array_equal(grown[~hole], image[~hole])


def test_source_too_thin_for_coarse_scales():
    image = texture(150, 200, 3)
    hole = np.ones((150, 200), bool)
    hole[70:79] = False
    result = completion.complete(image, hole)
    assert np.isfinite(result).all()
    assert energy(result, hole) > 0.3 * energy(image, ~hole)


def test_pictures_over_the_searched_size_are_rendered_from_the_coarser_field(monkeypatch):
    monkeypatch.setattr(completion, "SEARCHED_PIXELS", 96 * 120 // 2)
    image = texture(96, 120, 3, sigma=2.5)
    hole = box((96, 120), slice(30, 74), slice(40, 90))
    result = completion.complete(image, hole)
    assert np.array_equal(result[~hole], image[~hole])
    assert 0.5 < energy(result, hole) / energy(image, ~hole) < 1.6


def test_enlarged_field_goes_on_into_the_border():
    field = np.arange(100)
    inside = patchmatch.interior((10, 10), 2).ravel()
    field[inside] += 1
    large = patchmatch.enlarge(field, (10, 10), (20, 20), 2).reshape(20, 20)
    assert (large[:, :17] - np.arange(400).reshape(20, 20)[:, :17] == 2).all()
