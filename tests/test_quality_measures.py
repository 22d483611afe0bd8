"""The quality benchmark's measures against values computed by hand, and files of scenes."""

from __future__ import annotations

import dataclasses
import math

import _quality_measures as measures
import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics
from make_4d.geometry.landscapes import truth
from make_4d.geometry.landscapes.truth import (
    TruthError,
    TruthFrame,
    TruthScene,
    load_scene,
    save_scene,
)
from messages import raises_message


def gray(*values: float) -> list[np.ndarray]:
    """Uniform images of 20 x 24 pixels, one per value."""
    return [np.full((20, 24, 3), value, np.float32) for value in values]


def centers(shift: float = 0.0) -> np.ndarray:
    """The pixel centers of such an image, shifted to the right."""
    x, y = np.meshgrid(np.arange(24) + 0.5 + shift, np.arange(20) + 0.5)
    return np.stack([x, y], axis=-1).astype(np.float32)


def everywhere(shift: float = 0.0) -> measures.Warp:
    return measures.Warp(centers(shift), np.ones((20, 24), bool))


def test_psnr_of_known_errors(rng) -> None:
    dark, light = gray(0.2, 0.3)
    assert measures.psnr(dark, light) == pytest.approx(20.0, abs=1e-5)
    light[:10] = 0.2
    assert measures.psnr(dark, light) == pytest.approx(20.0 + 10 * math.log10(2), abs=1e-5)
    one = dark.copy()
    one[3, 4, 1] += 0.5
    assert measures.psnr(dark, one) == pytest.approx(10 * math.log10(20 * 24 * 3 / 0.25), abs=1e-4)
    a, b = rng.random((2, 6, 5, 3))
    squares = [(a[i, j, c] - b[i, j, c]) ** 2 for i in range(6) for j in range(5) for c in range(3)]
    assert measures.psnr(a, b) == pytest.approx(-10 * math.log10(sum(squares) / 90))


def test_psnr_counts_masked_pixels_only() -> None:
    dark, light = gray(0.2, 0.2)
    light[:, 12:] = 0.21
    right = np.zeros((20, 24), bool)
    right[:, 12:] = True
    assert measures.psnr(dark, light, right) == pytest.approx(40.0, abs=1e-4)
    assert measures.psnr(dark, light, ~right) == math.inf
    assert math.isnan(measures.psnr(dark, light, np.zeros((20, 24), bool)))


def slow_ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SSIM by Wang et al. 2004, equations 14 to 16 and 13, window by window."""
    steps = np.arange(-5, 6)
    weight = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * 1.5**2))
    weight /= weight.sum()
    x, y = (0.299 * p[..., 0] + 0.587 * p[..., 1] + 0.114 * p[..., 2] for p in (a, b))
    found = np.empty((x.shape[0] - 10, x.shape[1] - 10))
    for i, j in np.ndindex(found.shape):
        u, v = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
        mu, mv = (weight * u).sum(), (weight * v).sum()
        var_u, var_v = (weight * (u - mu) ** 2).sum(), (weight * (v - mv) ** 2).sum()
        cov = (weight * (u - mu) * (v - mv)).sum()
        found[i, j] = (2 * mu * mv + 1e-4) * (2 * cov + 9e-4)
        found[i, j] /= (mu**2 + mv**2 + 1e-4) * (var_u + var_v + 9e-4)
    return found


def test_ssim_matches_the_published_definition(rng) -> None:
    a = rng.random((20, 24, 3))
    b = np.clip(a + rng.normal(0, 0.1, a.shape), 0, 1)
    slow = slow_ssim(a, b)
    assert 0.5 < slow.mean() < 0.99
    np.testing.assert_allclose(measures.ssim_map(a, b)[5:-5, 5:-5], slow, atol=1e-10)
    assert measures.ssim(a, b) == pytest.approx(slow.mean(), abs=1e-10)
    left = np.zeros((20, 24), bool)
    left[:, :9] = True
    assert measures.ssim(a, b, left) == pytest.approx(slow[:, :4].mean(), abs=1e-10)
    assert math.isnan(measures.ssim(a, b, np.zeros((20, 24), bool)))


def test_ssim_of_uniform_and_of_equal_images(rng) -> None:
    a = rng.random((20, 24, 3)).astype(np.float32)
    assert measures.ssim(a, a) == pytest.approx(1.0, abs=1e-12)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert measures.ssim(*gray(0.2, 0.6)) == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def empty_cache():
    """Empty the cache of the LPIPS network before and after the test."""
    measures._lpips_network.cache_clear()
    yield measures._lpips_network.cache_clear
    measures._lpips_network.cache_clear()


def test_lpips_reports_what_is_missing(monkeypatch, tmp_path, empty_cache) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(measures.importlib.util, "find_spec", lambda n: n == "torch" or None)
    assert measures.lpips(*gray(0, 1)) == (
        None,
        "LPIPS needs the package torchvision, which is not installed here.",
    )
    monkeypatch.setattr(measures.importlib.util, "find_spec", lambda n: True)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    empty_cache()
    value, reason = measures.lpips(*gray(0, 1))
    assert value is None and measures.BACKBONE in reason and str(tmp_path) not in reason


def test_lpips_passes_images_in_the_networks_range(monkeypatch, rng) -> None:
    torch = pytest.importorskip("torch")
    given = []

    def network(a, b):
        given.extend((a, b))
        return torch.tensor([[[[0.25]]]])

    monkeypatch.setattr(measures, "_lpips_network", lambda: (network, ""))
    a, b = rng.random((2, 20, 24, 3)).astype(np.float32)
    assert measures.lpips(a, b) == (0.25, "")
    assert given[0].shape == (1, 3, 20, 24) and given[0].dtype == torch.float32
    assert given[0][0, 2, 7, 5] == pytest.approx(2 * a[7, 5, 2] - 1)  # the network's -1..1
    assert given[1][0, 0, 1, 23] == pytest.approx(2 * b[1, 23, 0] - 1)


def test_sampled_is_bilinear(rng) -> None:
    picture = rng.random((20, 24, 3)).astype(np.float32)
    np.testing.assert_array_equal(measures.sampled(picture, centers()), picture)
    between = measures.sampled(picture, np.float32([[[5.75, 9.1]]]))[0, 0]
    rows = [0.75 * picture[j, 5] + 0.25 * picture[j, 6] for j in (8, 9)]
    np.testing.assert_allclose(between, 0.4 * rows[0] + 0.6 * rows[1], atol=1e-6)
    beyond = measures.sampled(picture, np.float32([[[-3.0, 0.2], [99.0, 19.9]]]))[0]
    np.testing.assert_allclose(beyond, picture[[0, 19], [0, 23]], atol=1e-6)


def test_consistency_follows_the_surface(rng) -> None:
    first = rng.random((20, 24, 3)).astype(np.float32)
    moved = np.roll(first, 3, axis=1)
    warp = measures.Warp(centers(3.0), np.arange(24)[None].repeat(20, 0) < 21)
    assert measures.consistency([first, moved], [warp]) == pytest.approx(0.0, abs=1e-5)
    assert measures.consistency([first, moved], [everywhere()]) > 10
    moved[:, 3:] += np.float32(0.02)  # all of the valid pixels
    assert measures.consistency([first, moved], [warp]) == pytest.approx(2.0, abs=1e-4)


def test_consistency_averages_frames_that_share_pixels() -> None:
    nowhere = measures.Warp(centers(), np.zeros((20, 24), bool))
    frames = gray(0.5, 0.6, 0.8, 0.1)
    warps = [everywhere(), everywhere(), nowhere]
    assert measures.consistency(frames, warps) == pytest.approx(20.0, abs=1e-4)
    assert math.isnan(measures.consistency(gray(0, 1), [nowhere]))


def test_flicker_of_a_still_camera() -> None:
    assert measures.flicker(gray(0.1, 0.2, 0.3, 0.4)) == pytest.approx(0.0, abs=1e-5)
    assert measures.flicker(gray(1, 1, 0, 1, 1)) == pytest.approx(400 / 3)
    assert measures.flicker(gray(1, 1, 0, 0, 0)) == pytest.approx(200 / 3)
    assert math.isnan(measures.flicker(gray(1, 0)))


def test_flicker_follows_the_surface(rng) -> None:
    first = rng.random((20, 24, 3)).astype(np.float32)
    frames = [np.roll(first, 2 * k, axis=1) for k in range(4)]
    inside = np.zeros((20, 24), bool)
    inside[:, 6:18] = True
    backward, forward = (measures.Warp(centers(s), inside) for s in (-2.0, 2.0))
    warps = [(backward, forward)] * 2
    assert measures.flicker(frames) > 10
    assert measures.flicker(frames, warps) == pytest.approx(0.0, abs=1e-5)
    frames[1][4, 9] += np.float32(0.3)  # one of the 240 pixels
    expected = 100 * (0.3 * 2 + 0.3) / 240 / 2
    assert measures.flicker(frames, warps) == pytest.approx(expected, abs=1e-4)
    part = dataclasses.replace(forward, valid=inside & (np.arange(20) > 9)[:, None])
    assert measures.flicker(frames, [(backward, part)] * 2) == pytest.approx(0.0, abs=1e-5)


def test_loop_seam_and_uncovered() -> None:
    a, b = gray(0.5, 0.5)
    b[:5] = 0.1
    assert measures.loop_seam(a, b) == pytest.approx(10.0, abs=1e-5)
    assert measures.loop_seam(a, a) == 0.0
    alpha = np.linspace(0.0, 0.9, 10)[None].repeat(2, 0)
    assert measures.uncovered(alpha) == pytest.approx(0.5)
    assert measures.uncovered(alpha, 0.25) == pytest.approx(0.3)
    assert measures.uncovered(alpha, mask=np.arange(10)[None].repeat(2, 0) < 6) == 5 / 6


def test_spearman_of_known_ranks() -> None:
    truth = np.array([[1.0, 2.0, 3.0, 4.0, np.inf]])
    assert measures.spearman(truth**3, truth) == pytest.approx(1.0)
    assert measures.spearman(1 / truth, truth) == pytest.approx(-1.0)
    swapped = np.array([[2.0, 1.0, 3.0, 9.0, 5.0]])  # 1 - 6 (1 + 1 + 0 + 1 + 1) / (5 (25 - 1))
    assert measures.spearman(swapped, truth) == pytest.approx(0.8)
    assert measures.spearman(swapped, truth, truth < 4) == pytest.approx(0.5)
    tied = np.array([[1.0, 1.0, 3.0]])  # ranks 1.5 1.5 3
    assert measures.spearman(tied, np.array([[1.0, 2.0, 3.0]])) == pytest.approx(math.sqrt(3) / 2)
    assert math.isnan(measures.spearman(np.ones((1, 5)), truth))


def test_delta1_ignores_scale_and_shift_of_disparity(rng) -> None:
    truth = rng.uniform(2, 20, (8, 9))
    truth[0] = np.inf
    estimate = 1 / (3 / truth + 0.4)
    assert measures.delta1(estimate, truth) == 1.0
    assert measures.delta1(estimate, truth, shift=False) < 0.9
    assert measures.delta1(7 * truth, truth, shift=False) == 1.0
    assert measures.delta1(truth[:, ::-1], truth) < 0.9


def test_delta1_of_known_ratios() -> None:
    truth = np.array([[1.0, 1.0, 1.0, 1.0, np.inf]])
    estimate = 1 / np.array([[1.0, 1.0, 1.0, 0.5, 0.01]])
    # Scale 3.5 / 3.25: ratios 1.077 three times and 0.538.
    assert measures.delta1(estimate, truth, shift=False) == 0.75
    assert measures.delta1(estimate, truth, estimate > 1, shift=False) == 1.0  # that pixel only
    assert math.isnan(measures.delta1(estimate, truth, truth > 1))
    behind = measures.delta1(1 / np.array([[1.0, 0.5, -0.5]]), np.array([[1.0, 2.0, 30.0]]))
    assert behind == 2 / 3
    scale, offset = measures.fit_disparity(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 6.0]))
    assert (scale, offset) == pytest.approx((2.5, 0.5))


def make_scene(rng, frames: int = 3) -> TruthScene:
    """A scene of noise whose depths cover the range that can be stored."""
    camera = Intrinsics(31.5, 12.0, 10.25, 24, 20)
    made = []
    for number in range(frames):
        depth = np.exp(rng.uniform(math.log(0.1), math.log(40000), (20, 24))).astype(np.float32)
        depth[number] = np.inf
        pose = np.eye(4)
        pose[:3, 3] = 0.1 * number
        picture = rng.random((20, 24, 3)).astype(np.float32)
        made.append(TruthFrame(picture, depth, pose, rng.random((20, 24)) < 0.3))
    still = tuple(rng.random((20, 24, 3)).astype(np.float32) for _ in made)
    return TruthScene("a bay", camera, tuple(made), still)


def test_scene_survives_a_round_trip_through_files(rng, tmp_path) -> None:
    made = make_scene(rng)
    save_scene(made, tmp_path / "bay")
    back = load_scene(tmp_path / "bay")
    assert (back.name, back.camera, len(back.frames)) == (made.name, made.camera, 3)
    for one, other in zip(back.frames, made.frames, strict=True):
        np.testing.assert_allclose(one.image, other.image, atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(one.world_to_camera, other.world_to_camera)
        np.testing.assert_array_equal(one.moving, other.moving)
        np.testing.assert_allclose(one.depth, other.depth, rtol=1.01e-4)  # inf stays inf
        assert one.image.dtype == one.depth.dtype == np.float32
    for one, other in zip(back.still, made.still, strict=True):
        np.testing.assert_allclose(one, other, atol=0.5 / 255 + 1e-6)
    save_scene(back, tmp_path / "again")
    for path in (tmp_path / "bay").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_smooth_depth_compresses_well(tmp_path) -> None:
    camera = Intrinsics(256.0, 128.0, 128.0, 256, 256)
    rows = np.maximum(np.arange(256) + 0.5 - 90, 1e-9)[:, None].repeat(256, 1)
    depth = np.where(rows > 1, 400 / rows, np.inf).astype(np.float32)
    image = np.zeros((256, 256, 3), np.float32)
    frame = TruthFrame(image, depth, np.eye(4), np.zeros((256, 256), bool))
    save_scene(TruthScene("ground", camera, (frame,)), tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4000
    assert load_scene(tmp_path).still == ()


def test_invalid_scenes_are_rejected(rng, tmp_path) -> None:
    made = make_scene(rng)
    first = made.frames[0]
    wrong = [
        (dataclasses.replace(made, frames=made.frames[1:], still=()), truth.FIRST_POSE),
        (dataclasses.replace(made, still=made.still[1:]), truth.STILL_COUNT),
        (dataclasses.replace(made, camera=made.camera.scaled(48, 40)), truth.IMAGE_SIZE),
    ]
    for depth in (np.zeros_like(first.depth), np.full_like(first.depth, np.nan)):
        frames = (dataclasses.replace(first, depth=depth), *made.frames[1:])
        wrong.append((dataclasses.replace(made, frames=frames), truth.DEPTH_RANGE))
    for number, (scene, message) in enumerate(wrong):
        with raises_message(TruthError, message):
            save_scene(scene, tmp_path / str(number))
    folder = tmp_path / "good"
    save_scene(made, folder)
    for name in ("depth.xz", "frame_02.png", "moving.xz", "scene.json"):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(kept[: len(kept) // 2])
        with raises_message(TruthError, truth.UNREADABLE, folder=folder):
            load_scene(folder)
        (folder / name).write_bytes(kept)
    with raises_message(TruthError, truth.UNREADABLE, folder=tmp_path / "nowhere"):
        load_scene(tmp_path / "nowhere")
