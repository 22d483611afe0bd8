"""The PyTorch renderer compared with PyTorch3D's images and with the NumPy renderer."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from make_4d.geometry.core import splat
from make_4d.geometry.core.splat import Splats
from test_splat_reference import ALL, STORED, golden_splats, random_splats

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
torch_splat = import_module("make_4d.ml.networks.torch_splat")

DATA = Path(__file__).parent / "data" / "splat"
SIZES = [(13, 17), (1, 40), (33, 8)]
PAPER_CHANNELS = 37
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
    ),
]


def draw(splats: Splats, features, size, nearest=None, opacity=1.0, gain=1.0, **options):
    """Draw NumPy data as tensors with `options` (dtype, device); return image, alpha and count."""
    options = {"dtype": torch.float64, "device": "cpu"} | options

    def tensor(values):
        return torch.tensor(np.array(values), **options) if np.ndim(values) else values

    parts = (tensor(values) for values in (splats.u, splats.v, splats.z, splats.radius))
    rendered = torch_splat.composite(
        torch_splat.TensorSplats(*parts),
        tensor(features),
        size,
        nearest,
        tensor(opacity),
        tensor(gain),
    )
    assert rendered.image.dtype == rendered.alpha.dtype == options["dtype"]
    arrays = (rendered.image, rendered.alpha, rendered.count)
    return tuple(array.cpu().numpy() for array in arrays)


def check_golden(path: Path, **options) -> None:
    golden = np.load(path)
    size, nearest = (int(golden["h"]), int(golden["w"])), int(golden["K"])
    image, alpha, count = draw(golden_splats(golden), golden["feats"], size, nearest, **options)
    np.testing.assert_allclose(image, golden["image"], atol=1e-4)
    np.testing.assert_allclose(alpha, golden["alpha"], atol=1e-4)
    # In the corner cases two pixels lie on a radius up to rounding, which differs here.
    assert (count != (golden["idx"] >= 0).sum(axis=-1)).sum() <= 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("device", DEVICES)
def test_equals_the_papers_renderer(name: str, dtype, device: str) -> None:
    check_golden(DATA / f"{name}.npz", dtype=dtype, device=device)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ALL)
def test_equals_the_papers_renderer_everywhere(name: str, dtype, shared: Path) -> None:
    check_golden(shared / "golden" / "renderer" / f"{name}.npz", dtype=dtype)


@pytest.mark.parametrize("nearest", [None, 1, 3, 8])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("device", DEVICES)
def test_equals_the_numpy_renderer(rng, nearest: int | None, size, device: str) -> None:
    count = 400
    splats, features = random_splats(rng, count, size), rng.normal(size=(count, PAPER_CHANNELS))
    opacity, gain = rng.uniform(0, 1, count), rng.uniform(1, 3, count)
    for options in ({}, {"opacity": opacity, "gain": gain}, {"opacity": 0.7, "gain": 2.0}):
        wanted = splat.composite(splats, features, size, nearest, **options)
        image, alpha, drawn_count = draw(splats, features, size, nearest, **options, device=device)
        np.testing.assert_allclose(image, wanted.image, atol=1e-12)
        np.testing.assert_allclose(alpha, wanted.alpha, atol=1e-12)
        np.testing.assert_array_equal(drawn_count, wanted.count)


def test_holes_stay_empty(rng) -> None:
    size, count = (40, 60), 80
    splats = random_splats(rng, count, size)
    features = rng.uniform(1, 2, (count, 3))
    wanted = splat.composite(splats, features, size, 8)
    assert 0.2 < (wanted.count == 0).mean() < 0.9
    image, alpha, _ = draw(splats, features, size, 8, dtype=torch.float32)
    assert not image[wanted.count == 0].any() and not alpha[wanted.count == 0].any()
    np.testing.assert_allclose(image, wanted.image, atol=1e-4)


def test_single_precision_of_many_features(rng) -> None:
    size, count = (64, 48), 3000
    splats = random_splats(rng, count, size)
    splats = Splats(splats.u, splats.v, splats.z, rng.uniform(1.5, 9, count))  # cut at K
    features = rng.uniform(-1, 1, (count, PAPER_CHANNELS))
    wanted = splat.composite(splats, features, size, 8)
    assert (wanted.count == 8).mean() > 0.9
    image, alpha, _ = draw(splats, features, size, 8, dtype=torch.float32)
    np.testing.assert_allclose(image, wanted.image, atol=1e-4)
    np.testing.assert_allclose(alpha, wanted.alpha, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_equal_depths_are_drawn_by_index(device: str) -> None:
    depth = np.array([2.0, 0.0, 1.0, -0.0, 1.0, 2.0])
    center = np.full(6, 1.5)
    splats = Splats(center, center, depth, np.full(6, 2.0))
    for nearest, shown in ((1, [1]), (2, [1, 3]), (3, [1, 3, 2]), (5, [1, 3, 2, 4, 0])):
        image, _, _ = draw(splats, np.eye(6), (3, 3), nearest, opacity=0.5, device=device)
        expected = np.zeros(6)
        expected[shown] = 0.5 ** np.arange(1, nearest + 1)
        np.testing.assert_array_equal(image[1, 1], expected)


@pytest.mark.parametrize("nearest", [None, 4])
def test_chunks_do_not_change_the_image(rng, monkeypatch: pytest.MonkeyPatch, nearest) -> None:
    size = (20, 30)
    splats, features = random_splats(rng, 500, size), rng.normal(size=(500, 2))
    whole = draw(splats, features, size, nearest, dtype=torch.float32)
    tests_per_chunk = []
    hits_in_chunk = torch_splat._hits_in_chunk

    def count_tests(splats, width, chunk, ranges):
        tests_per_chunk.append(int((ranges.columns * ranges.rows).sum()))
        return hits_in_chunk(splats, width, chunk, ranges)

    monkeypatch.setattr(torch_splat, "_hits_in_chunk", count_tests)
    monkeypatch.setattr(torch_splat, "_TESTS_PER_CHUNK", 100)
    for actual, expected in zip(
        draw(splats, features, size, nearest, dtype=torch.float32), whole, strict=True
    ):
        np.testing.assert_array_equal(actual, expected)
    assert len(tests_per_chunk) > 10
    assert max(tests_per_chunk) <= 100


@pytest.mark.parametrize("device", DEVICES)
def test_is_deterministic(rng, device: str) -> None:
    size, count = (50, 70), 20000
    splats, features = random_splats(rng, count, size), rng.normal(size=(count, 4))
    options = {"dtype": torch.float32, "device": device}
    first, second = (draw(splats, features, size, 8, **options) for _ in range(2))
    for actual, expected in zip(first, second, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_nothing_to_draw() -> None:
    empty = np.zeros(0)
    image, alpha, count = draw(Splats(empty, empty, empty, empty), np.zeros((0, 3)), (4, 5), 8)
    assert image.shape == (4, 5, 3)
    assert not alpha.any() and not count.any()


def test_invalid_points_are_not_drawn() -> None:
    nan, inf = np.nan, np.inf
    u, v = np.array([nan, 2, inf, 2, 2, 2, 2]), np.array([2, nan, 2, 2, 2, -inf, 2])
    z, radius = np.array([1, 1, 1, 1, nan, 1, -1]), np.array([1, 1, 1, nan, 1, 1, 1])
    _, alpha, _ = draw(Splats(u, v, z, radius), np.ones((7, 1)), (4, 4))
    assert not alpha.any()


def test_result_needs_no_gradients() -> None:
    ones = torch.ones(1, requires_grad=True)
    splats = torch_splat.TensorSplats(ones, ones, ones, ones)
    rendered = torch_splat.composite(splats, torch.ones(1, 2, requires_grad=True), (2, 2))
    assert not rendered.image.requires_grad
    assert rendered.alpha.max() == pytest.approx(0.5)
