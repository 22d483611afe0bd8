"""The parts of completion compared with plain loops: search, votes, blend, smooth fill, growth."""

import numpy as np
import pytest
from make_4d.ml.classical import growth, patchmatch, poisson, voting
from test_completion import box_mask, texture


def small_search(seed=0):
    image = texture(40, 44, seed)
    radius = 2
    interior = patchmatch.interior((40, 44), radius)
    valid = interior.copy()
    valid[:, 22:] = False
    targets = np.flatnonzero(interior & ~valid)
    rng = np.random.default_rng(5)
    basis = patchmatch.fit_basis(image, np.flatnonzero(interior), radius, 72, rng)
    descriptors = np.zeros((40 * 44, basis.filters.shape[1]), np.float32)
    rows = np.flatnonzero(interior)
    descriptors[rows] = patchmatch.describe(image, rows, basis)
    search = patchmatch.Search((40, 44), targets, valid.ravel(), descriptors)
    search.field[targets] = rng.choice(np.flatnonzero(valid), len(targets))
    search.set_targets(descriptors[targets])
    return image, radius, search, rng


def plain_costs(image, radius, target, sources):
    """Mean squared color difference of whole patches, pixel by pixel."""

    def patch(flat):
        row, column = divmod(int(flat), image.shape[1])
        return image[row - radius : row + radius + 1, column - radius : column + radius + 1]

    return np.array([3 * ((patch(target) - patch(s)) ** 2).mean() for s in sources])


def test_exact_search_matches_a_plain_comparison():
    image, radius, search, _ = small_search()
    search.cost[:] = np.inf
    search.search_exact()
    sources = np.flatnonzero(search.valid)
    for i in range(0, len(search.targets), 37):
        costs = plain_costs(image, radius, search.targets[i], sources)
        assert search.cost[i] == pytest.approx(costs.min(), rel=1e-3, abs=1e-6)
        assert sources[costs.argmin()] == search.field[search.targets[i]]


def test_random_search_comes_close_to_exact_search():
    _, _, search, rng = small_search()
    initial_cost = search.cost.mean()
    for _ in range(12):
        search.propagate((8, 4, 2, 1))
        search.random_search(22, rng)
    random_cost = search.cost.copy()
    search.cost[:] = np.inf
    search.search_exact()
    # Patches are kept together on purpose: a gain of less than 30 % is ignored.
    assert random_cost.mean() < 1.35 * search.cost.mean()
    assert random_cost.mean() < 0.6 * initial_cost
    assert (random_cost >= search.cost - 1e-5).all()


def test_field_stays_valid_and_enlarges_coherently():
    _, _, search, rng = small_search()
    search.propagate((4, 1))
    search.random_search(22, rng)
    assert search.valid[search.field[search.targets]].all()
    shift = np.arange(10 * 10) + 2 * 10 + 1
    large = patchmatch.enlarge(np.clip(shift, 0, 99), (10, 10), (20, 20), 0).reshape(20, 20)
    rows, columns = np.divmod(large[:12, :16], 20)
    assert (rows - np.indices((12, 16))[0] == 4).all()
    assert (columns - np.indices((12, 16))[1] == 2).all()


def test_usage_matches_a_plain_window_mean():
    field = np.random.default_rng(1).integers(0, 63, 40)
    result = patchmatch.usage(field, (7, 9), 1).reshape(7, 9)
    counts = np.zeros((9, 11))
    for flat in field:
        counts[flat // 9 + 1, flat % 9 + 1] += 1
    for row in range(7):
        for column in range(9):
            window = counts[row : row + 3, column : column + 3]
            assert result[row, column] == pytest.approx(window.mean(), abs=1e-6)


def test_votes_match_a_plain_loop():
    rng = np.random.default_rng(3)
    image = rng.random((12 * 10, 3)).astype(np.float32)
    field = rng.integers(33, 87, 120)
    weight = rng.random(120).astype(np.float32)
    patch_field = voting.PatchField(10, 1, image, field, weight)
    pixels = np.array([34, 55, 76])
    for pixel, result in zip(pixels, voting.vote(patch_field, pixels), strict=True):
        total, total_weight = np.zeros(3), 0.0
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                center = pixel + 10 * dy + dx
                patch_weight = weight[center] * np.exp(-(dx * dx + dy * dy))
                total += patch_weight * image[field[center] - 10 * dy - dx]
                total_weight += patch_weight
        assert result == pytest.approx(total / total_weight, abs=1e-5)


def test_faint_votes_count_without_others():
    image = np.full((100, 3), 0.7, np.float32)
    weight = np.full(100, 1e-17, np.float32)
    patch_field = voting.PatchField(10, 1, image, np.full(100, 50), weight)
    assert voting.vote(patch_field, np.array([45]), 30.0) == pytest.approx(0.7, abs=1e-3)


def test_sharp_votes_follow_the_majority():
    image = np.zeros((100, 3), np.float32)
    image[50:] = 1.0
    field = np.full(100, 20)
    field[44] = 70
    sharp = voting.vote(
        voting.PatchField(10, 1, image, field, np.ones(100, np.float32)), np.array([45]), 10.0
    )
    mean = voting.vote(
        voting.PatchField(10, 1, image, field, np.ones(100, np.float32)), np.array([45])
    )
    assert 0.0 <= sharp.max() < 0.25 * mean.max()


def test_blend_matches_the_linear_system():
    rng = np.random.default_rng(0)
    image = rng.random((6, 7, 1)).astype(np.float32)
    hole = box_mask((6, 7), slice(1, 5), slice(2, 7))
    right = rng.normal(size=(6, 6, 1)).astype(np.float32) * 0.1
    down = rng.normal(size=(5, 7, 1)).astype(np.float32) * 0.1
    screening = np.full((6, 7), 0.05, np.float32)
    result = poisson.blend(image, hole, (right, down), screening)
    pixels = np.flatnonzero(hole)
    index = {p: i for i, p in enumerate(pixels)}
    rows, targets = [], []
    for p in range(42):
        for q, difference in ((p + 1, right), (p + 7, down)):
            if (q == p + 1 and p % 7 == 6) or q > 41 or not (hole.flat[p] or hole.flat[q]):
                continue
            row = np.zeros(len(pixels))
            for end, sign in ((p, -1.0), (q, 1.0)):
                if end in index:
                    row[index[end]] = sign
            rows.append(row)
            targets.append(difference[p // 7, p % 7, 0])
    rows += list(np.sqrt(0.05) * np.eye(len(pixels)))
    targets += [0.0] * len(pixels)
    exact = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
    assert np.abs((result - image).ravel()[pixels] - exact).max() < 1e-4
    assert np.array_equal(result[~hole], image[~hole])


def test_smooth_fill_lies_between_observed_values():
    image = np.zeros((30, 30, 1), np.float32)
    image[:, 20:] = 1.0
    observed = np.ones((30, 30), bool)
    observed[:, 8:22] = False
    fill = poisson.smooth_fill(image, observed)[..., 0]
    assert np.array_equal(fill[observed], image[..., 0][observed])
    assert (np.diff(fill, axis=1) >= -1e-4).all()
    assert np.abs(np.diff(fill, axis=1)).max() < 0.25


def test_growth_fills_only_from_valid_centers():
    image = texture(30, 40, 2)
    hole = box_mask((30, 40), slice(0, 30), slice(20, 40))
    valid = np.flatnonzero(patchmatch.interior((30, 40), 2) & (np.arange(40) < 17)[None, :])
    rng = np.random.default_rng(0)
    zeros = np.zeros((1200, 1), np.float32)
    grown, field = growth.grow(image, hole, valid, 2, zeros, zeros[:, 0], rng)
    assert np.isin(field.reshape(30, 40)[hole], valid).all()
    assert np.array_equal(grown[hole], image.reshape(-1, 3)[field].reshape(30, 40, 3)[hole])
    assert np.array_equal(grown[~hole], image[~hole])


def test_enlarged_field_continues_into_the_border():
    field = np.arange(100)
    interior = patchmatch.interior((10, 10), 2).ravel()
    field[interior] += 1
    large = patchmatch.enlarge(field, (10, 10), (20, 20), 2).reshape(20, 20)
    assert (large[:, :17] - np.arange(400).reshape(20, 20)[:, :17] == 2).all()
