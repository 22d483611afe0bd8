"""The layered depth image: bins, context, and inpainted depth."""

import numpy as np
import pytest
from make_4d.geometry.core import ldi


def ward_reference(samples, count):
    """Ward clustering of numbers: merge the two clusters with the lowest cost."""
    clusters = [[float(v)] for v in samples]
    while len(clusters) > count:
        best = None
        for i in range(len(clusters)):
            for j in range(i + 1, len(clusters)):
                a, b = clusters[i], clusters[j]
                gap = (np.mean(a) - np.mean(b)) ** 2 * len(a) * len(b) / (len(a) + len(b))
                if best is None or gap < best[0]:
                    best = (gap, i, j)
        _, i, j = best
        clusters[i] += clusters.pop(j)
    return sorted((min(c) for c in clusters), reverse=True)


def test_depth_is_the_inverse_of_disparity_and_ends_at_100():
    depth = ldi.depth_from_disparity(np.array([1.0, 0.5, 0.01, 0.0], np.float32))
    np.testing.assert_allclose(depth, [1, 2, 100, 100], rtol=1e-6)


def test_bins_are_the_lowest_disparities_of_the_clusters():
    disparity = np.array([0.9, 1.0, 0.5, 0.4, 0.02, 0.1], np.float32)
    bins = ldi.bins_from_clusters(disparity, np.array([2, 2, 0, 0, 1, 1]))
    np.testing.assert_allclose(bins, [1 - 1e-4, 1 / 0.9, 1 / 0.4, 50 + 1e-4], rtol=2e-4)
    assert np.all(np.diff(bins) > 0)
    np.testing.assert_array_equal(
        ldi.layer_of_depth(ldi.depth_from_disparity(disparity), bins), [0, 0, 1, 1, 2, 2]
    )


def test_clustering_agrees_with_plain_ward(rng):
    from make_4d.ml.classical.depth_bins import cluster_bins

    samples = np.concatenate([rng.normal(m, 0.02, 12) for m in (0.1, 0.5, 0.9)]).astype(np.float32)
    bins = cluster_bins(samples, 3)
    lowest = ward_reference(samples, 3)
    np.testing.assert_allclose(bins[1:-1], [1 / lowest[0], 1 / lowest[1]], rtol=2e-4)


@pytest.mark.parametrize("layers", [0, 1, 2, 5])
def test_every_depth_falls_into_a_layer(rng, layers):
    from make_4d.ml.classical.depth_bins import cluster_bins

    disparity = rng.random(300).astype(np.float32)
    bins = cluster_bins(disparity, layers)
    depth = ldi.depth_from_disparity(disparity)
    assert bins[0] < depth.min() and bins[-1] > depth.max()
    if layers:
        assert len(bins) == layers + 1


def test_constant_disparity_gives_one_layer():
    from make_4d.ml.classical.depth_bins import cluster_bins

    assert len(cluster_bins(np.full(50, 0.3, np.float32), 3)) == 2


def test_number_of_samples_is_limited():
    from make_4d.ml.classical.depth_bins import MAX_SAMPLES, sample

    assert 100 < sample(np.zeros((3000, 4000), np.float32)).size <= MAX_SAMPLES * 1.1
    assert sample(np.zeros((2, 3), np.float32)).size >= 1


def test_only_the_photo_determines_the_bins(rng):
    from make_4d.ml.classical.depth_bins import cluster_bins
    from make_4d.ml.common.job_settings import JobSettings
    from make_4d.ml.stages import cluster
    from make_4d.ml.stages.context import StageContext

    outpainted = np.full((60, 80), 0.9, np.float32)  # outpainted ground below and beside the photo
    outpainted[50:] = 1.0
    outpainted[:2] = 0.0
    photo = rng.choice(np.float32([0.05, 0.1, 0.5]), (40, 50))
    outpainted[4:44, 20:70] = photo
    inputs = {"back_disparity": outpainted, "margins": np.array([4, 10, 16, 20])}
    context = StageContext(lambda fraction, detail: None, lambda: False)
    bins = cluster.run(inputs, JobSettings("photo.jpg", layers=3), context)["bins"]
    ends = [1 - ldi.END_SLACK, *cluster_bins(photo.ravel(), 3)[1:-1], 100 + ldi.END_SLACK]
    np.testing.assert_allclose(bins, ends, rtol=1e-6)
    assert bins.dtype == np.float32
    layers = ldi.layer_of_depth(ldi.depth_from_disparity(np.float32([1, 0.5, 0.1, 0.05, 0])), bins)
    np.testing.assert_array_equal(layers, [0, 0, 1, 2, 2])


def test_context_erodes_at_silhouettes_but_not_at_the_border():
    depth = np.full((40, 60), 10.0, np.float32)
    depth[10:30, 20:40] = 1.0
    context = ldi.layer_context(depth >= 5.0, 10)
    assert context[0, 0] and context[39, 59]
    assert not context[10:30, 20:40].any()
    assert not context[20, 16] and context[20, 14]


def test_paper_mapping_spans_the_interval():
    estimate = np.array([[2.0, 4.0, 6.0]], np.float32)
    mapped = ldi.remap_layer_depth(estimate, np.ones((1, 3), bool), 10.0, 20.0)
    np.testing.assert_allclose(mapped, [[10, 15, 20]])


def test_fit_recovers_scale_and_shift(rng):
    estimate = rng.random(100).astype(np.float32)
    scale, shift = ldi.fit_scale_shift(estimate, 0.3 * estimate + 0.2)
    assert scale == pytest.approx(0.3, abs=1e-5) and shift == pytest.approx(0.2, abs=1e-5)
    assert ldi.fit_scale_shift(np.zeros(5, np.float32), np.full(5, 0.7, np.float32)) == (
        1.0,
        pytest.approx(0.7),
    )


def test_aligned_depth_keeps_observed_depth_and_meets_it_at_the_hole(rng):
    height, width = 40, 60
    truth = np.tile(np.linspace(0.1, 0.4, width, dtype=np.float32), (height, 1))
    seen = np.ones((height, width), bool)
    seen[10:30, 20:40] = False
    estimate = 2.0 * truth + 0.3 + 0.05 * np.linspace(0, 1, height, dtype=np.float32)[:, None]
    depth = ldi.align_layer_depth(estimate, np.where(seen, truth, 1.0), seen, 1.5, 50.0)
    np.testing.assert_array_equal(depth[seen], ldi.depth_from_disparity(truth)[seen])
    assert np.abs(1 / depth - truth)[~seen].max() < 0.02
    assert depth.min() >= 1.5


def test_spread_inward_is_harmonic_and_keeps_observed_values(rng):
    values = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (24, 1))
    observed = np.zeros((24, 32), bool)
    observed[:, :4] = observed[:, -4:] = True
    filled = ldi.spread_inward(values, observed, iterations=400)
    np.testing.assert_array_equal(filled[observed], values[observed])
    assert np.abs(filled - values).max() < 0.08
    assert not ldi.spread_inward(values, np.zeros_like(observed)).any()
