"""Training of the scene network: batches, losses, steps, and the file that OpenCV runs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("timm", reason="timm is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from make_4d.geometry.worlds.samples import Kind
from make_4d.ml.scene.maps import CHANNELS, Map
from make_4d.ml.training import losses as loss
from make_4d.ml.training.augment import CHANGES, augment
from make_4d.ml.training.calibration import best, calibrate, overlap
from make_4d.ml.training.collage import overlaid, with_sky
from make_4d.ml.training.command import main
from make_4d.ml.training.dataset import Folders, is_held_out
from make_4d.ml.training.export import export, export_random, load_weights
from make_4d.ml.training.lens import defocused
from make_4d.ml.training.network import Depthwise, SceneNetwork
from make_4d.ml.training.overlays import OVERLAYS
from make_4d.ml.training.ripples import plane_noise, rippled
from make_4d.ml.training.samples import Sample, crop, latitudes, load, random_crop
from make_4d.ml.training.skies import SKIES
from make_4d.ml.training.targets import Targets, maps_of, steps_along, targets_of
from make_4d.ml.training.train import Plan, Trainer, prepare

FOCAL, PITCH, ROLL, HEIGHT = 80.0, -0.1, 0.05, 1.6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of four samples: a box on a plain under the sky."""
    made = tmp_path / "samples"
    made.mkdir()
    for seed in range(4):
        make_file(made / f"world-1-{seed:06d}-0.npz", seed)
    return made


def make_file(path: Path, seed: int, size: tuple[int, int] = (80, 96)) -> None:
    rng = np.random.default_rng(seed)
    latitude = latitudes(*size, FOCAL, PITCH, ROLL)
    disparity = np.where(latitude < -0.005, np.tan(-np.minimum(latitude, 0)) / HEIGHT, 0.0)
    left = int(rng.integers(10, 60))
    disparity[20:60, left : left + 20] = 0.3
    kind = np.where(disparity > 0, Kind.FLAT, Kind.SKY)
    kind[20:60, left : left + 20] = Kind.UPRIGHT
    colors = {Kind.SKY: (150, 180, 230), Kind.FLAT: (80, 110, 50), Kind.UPRIGHT: (120, 60, 50)}
    image = np.zeros((*size, 3))
    for value, color in colors.items():
        image[kind == value] = color
    np.savez(
        path,
        image=np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8),
        disparity=disparity.astype(np.float16),
        sky=(255 * (kind == Kind.SKY)).astype(np.uint8),
        clouds=np.zeros(size, np.uint8),
        kind=kind.astype(np.uint8),
        veiled=np.zeros(size, np.uint8),
        camera=np.array([FOCAL, PITCH, ROLL, HEIGHT], np.float32),
    )


def plan_for(folder: Path, out: Path, steps: int) -> Plan:
    return Plan({folder: 1.0}, out, (64, 64), batch=4, steps=steps, rate=3e-3, imagenet=False)


def sample_of(folder: Path) -> Sample:
    return load(sorted(folder.glob("*.npz"))[0])


def test_training_reduces_the_loss(folder: Path, tmp_path: Path) -> None:
    trainer = Trainer(plan_for(folder, tmp_path / "out", 30))
    found = [trainer.step(prepare(trainer.batches, 0))["all"] for _ in range(12)]
    assert np.mean(found[-3:]) < 0.8 * np.mean(found[:3])


def test_resumed_training_goes_on_as_if_it_had_not_stopped(folder: Path, tmp_path: Path) -> None:
    plan = plan_for(folder, tmp_path / "out", 4)
    first = Trainer(plan)
    for step in range(2):
        first.step(prepare(first.batches, step))
    first.save()
    second = Trainer(plan)
    assert second.progress.step == 2
    results = []
    for trainer in (first, second):
        results.append([trainer.step(prepare(trainer.batches, step)) for step in (2, 3)])
    for found, expected in zip(*results, strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    for name, value in first.average.items():
        assert torch.allclose(value.float(), second.average[name].float(), atol=1e-5)


def test_command_trains_validates_and_writes_weights(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    start = tmp_path / "start.onnx"
    export_random(start)
    size = ["--size", "64x64", "--batch", "2", "--start", str(start), "--calibrate", str(folder)]
    assert main([str(folder), "--out", str(out), "--steps", "2", *size], []) == 0
    assert cv2.dnn.readNetFromONNX(str(out / "scene.onnx")) is not None
    assert (out / "checkpoint.pt").exists()
    assert main([str(tmp_path / "none"), "--out", str(out), "--steps", "3", *size], []) == 1
    assert main([str(folder), "--out", str(out)], []) == 2


def test_opencv_runs_the_exported_network_at_any_size(tmp_path: Path) -> None:
    path = tmp_path / "scene.onnx"
    torch.manual_seed(3)
    network = SceneNetwork()
    export(network, path)
    assert path.stat().st_size < 8e6
    again = SceneNetwork().eval()
    load_weights(again, path)
    net = cv2.dnn.readNetFromONNX(str(path))
    for size in ((96, 128), (160, 96)):
        image = torch.rand(1, 3, *size) * 2 - 1
        net.setInput(image.numpy())
        with torch.no_grad():
            expected = again(image).numpy()
            assert np.abs(network(image).numpy() - expected).max() < 1e-2
        found = net.forward()
        assert found.shape == (1, CHANNELS, size[0] // 2, size[1] // 2)
        assert np.abs(found - expected).max() < 1e-3


def test_gradients_of_depthwise_convolutions() -> None:
    x = torch.randn(2, 6, 9, 8, requires_grad=True)
    weight = torch.randn(6, 1, 5, 5, requires_grad=True)
    found = []
    for function in (Depthwise.apply, lambda *a: torch.conv2d(*a[:2], None, *a[2:], 1, 6)):
        result = function(x, weight, 2, 2)
        found.append(torch.autograd.grad((result**2).sum(), (x, weight)))
    for ours, expected in zip(*found, strict=True):
        assert torch.allclose(ours, expected, atol=1e-3)


def test_depth_losses_know_neither_scale_nor_offset(folder: Path) -> None:
    targets = targets_of([sample_of(folder)])
    perfect = torch.nan_to_num(targets.log_disparity, nan=-7.0)
    for offset in (0.0, 2.5):
        found = loss.depth_losses(perfect + offset, targets)
        found.pop("offset")
        assert {k: float(v) for k, v in found.items()} == pytest.approx(
            dict.fromkeys(found, 0.0), abs=1e-4
        )
    worse = loss.depth_losses(torch.zeros_like(perfect), targets)
    assert all(float(worse[name]) > 0.1 for name in ("log", "ssi", "gradient", "beyond"))
    moved = [loss.depth_losses(perfect + offset, targets)["offset"] for offset in (0.0, 30.0)]
    assert float(moved[1]) > float(moved[0])


def test_losses_against_plain_references() -> None:
    logits = torch.tensor([[[0.5, -1.0], [2.0, 3.0]]])
    target = torch.tensor([[[1.0, 0.25], [0.0, math.nan]]])
    weight = torch.tensor([[[1.0, 2.0], [1.0, 9.0]]])
    expected = counts = 0.0
    for x, t, w in ((0.5, 1.0, 1.0), (-1.0, 0.25, 2.0), (2.0, 0.0, 1.0)):
        p = 1 / (1 + math.exp(-x))
        w *= 1 + 2 * t
        expected += -w * (t * math.log(p) + (1 - t) * math.log(1 - p))
        counts += w
    found = loss.odds_loss(logits, target, weight, rare=3.0)
    assert float(found) == pytest.approx(expected / counts, rel=1e-5)
    assert float(loss.masked_mean(torch.tensor([1.0, math.nan, 3.0]))) == 2.0


def test_no_gradient_flows_from_what_is_not_taught(folder: Path) -> None:
    sample = sample_of(folder)
    unknown = np.full(sample.size, Kind.IGNORED, np.uint8)
    nothing = np.full(sample.size, np.nan, np.float32)
    blank = replace(sample, kind=unknown, disparity=nothing, latitude=nothing)
    maps = torch.randn(1, CHANNELS, 40, 48, requires_grad=True)
    found = loss.losses_of(maps, targets_of([blank]), torch.Generator())
    loss.total(found).backward()
    assert maps.grad is not None and float(maps.grad.abs().max()) == 0.0


def test_order_of_pictures_without_disparity(folder: Path) -> None:
    sample = sample_of(folder)
    photo = replace(sample, disparity=np.full(sample.size, np.nan, np.float32))
    targets = targets_of([photo])
    right = torch.nan_to_num(targets_of([sample]).log_disparity, nan=-7.0)
    found = [loss.order_loss(sign * right, targets, torch.Generator()) for sign in (1, -1)]
    assert float(found[0]) < 0.3 * float(found[1])


def test_silhouettes_are_steps_but_not_ground_that_recedes() -> None:
    ground = np.repeat(np.linspace(0, 0.3, 30, dtype=np.float32)[:, None], 20, axis=1)
    assert not steps_along(ground, 0)[1:].any() and not steps_along(ground, 1).any()
    ground[:20, 5:10] = 0.3
    found = steps_along(ground, 1)
    assert found[5, 4] and found[5, 9] and found[5].sum() == 2


def test_targets_of_veiled_and_unknown_pixels(folder: Path) -> None:
    sample = sample_of(folder)
    veiled = np.zeros(sample.size, np.uint8)
    veiled[:10] = 1
    kind = sample.kind.copy()
    kind[-10:] = Kind.IGNORED
    maps = maps_of(replace(sample, veiled=veiled, kind=kind))
    for name in ("sky", "water", "log_disparity", "silhouettes"):
        assert np.isnan(maps[name][:5]).all()
    assert np.isnan(maps["flat"][-5:]).all() and (maps["water"][-5:] == 0).all()


def test_latitude_follows_the_crop() -> None:
    size, full = (64, 80), (120, 160)
    whole = latitudes(*full, 100.0, 0.1, 0.2)
    blank = np.zeros(full, np.float32)
    bytes_ = np.zeros(full, np.uint8)
    sample = Sample(np.zeros((*full, 3), np.uint8), blank, blank, blank, bytes_, bytes_, whole)
    middle, step = np.array([60.0, 80.0]), np.array([1.25, 1.25])
    expected = latitudes(*size, 100.0 / 1.25, 0.1, 0.2)
    assert np.abs(crop(sample, size, middle, step, 0.0).latitude - expected).max() < 1e-3
    turned = crop(sample, size, middle, step, math.radians(10)).latitude
    expected = latitudes(*size, 100.0 / 1.25, 0.1, 0.2 - math.radians(10))
    assert np.abs(turned - expected)[8:-8, 8:-8].max() < 1e-3


def test_latitude_of_a_level_and_of_a_rolled_camera() -> None:
    level = latitudes(101, 101, 50.0, 0.3, 0.0)
    assert level[50, 50] == pytest.approx(0.3, abs=1e-6) and level[0, 50] > level[50, 50]
    rolled = latitudes(101, 101, 50.0, 0.0, 0.2)
    assert rolled[50, 100] > 0 > rolled[50, 0]  # the horizon falls to the right


def test_random_crops_keep_labels_on_the_image(folder: Path, rng: np.random.Generator) -> None:
    sample = sample_of(folder)
    for size in ((64, 64), (96, 64), (32, 64)):
        result = random_crop(sample, size, rng)
        assert result.size == size and result.image.shape == (*size, 3)
        blue = result.image[..., 2].astype(int) > result.image[..., 1].astype(int) + 25
        assert (blue == (result.kind == Kind.SKY)).mean() > 0.96


def test_augmentation_keeps_everything_in_its_place(rng: np.random.Generator) -> None:
    image = np.full((64, 96, 3), 60, np.uint8)
    image[:32] = 200
    for _, change in CHANGES:
        for _ in range(4):
            result = change(image, rng)
            assert result.shape == image.shape and result.dtype == np.uint8
            bright = result.mean(axis=2)
            assert bright[:24].mean() >= bright[40:].mean()
    assert augment(image, rng).shape == image.shape


def test_collages_change_labels_with_the_image(folder: Path, rng: np.random.Generator) -> None:
    sample = sample_of(folder)
    opacity = np.zeros(sample.size, np.float32)
    opacity[:, 40:44] = 1.0
    front = overlaid(sample, opacity, rng)
    assert (front.sky[:, 40:44] == 0).all() and (front.sky[:, :40] == sample.sky[:, :40]).all()
    assert (front.kind[:15, 40:44] == Kind.UPRIGHT).all()
    assert (front.disparity[:15, 40:44] > 0).all()
    red = np.full((*sample.size, 3), (255, 0, 0), np.float32)
    changed = with_sky(sample, (red, np.ones(sample.size, np.float32)), rng)
    assert (changed.image[sample.sky == 1] == (255, 0, 0)).all()
    assert (changed.clouds == (sample.sky > 0)).all()
    assert (changed.image[sample.sky == 0][:, 2] > 0).any()


def test_waves_change_the_water_alone(folder: Path, rng: np.random.Generator) -> None:
    sample = load(sorted(folder.glob("*.npz"))[0])
    assert rippled(sample, rng) is sample
    lake = replace(sample, kind=np.where(sample.kind == Kind.FLAT, Kind.WATER, sample.kind))
    made = rippled(lake, rng)
    changed = (made.image != lake.image).any(axis=2)
    assert changed[lake.kind == Kind.WATER].mean() > 0.8
    beside = cv2.dilate((lake.kind == Kind.WATER).astype(np.uint8), np.ones((3, 3)))
    assert not changed[beside == 0].any()


def test_waves_on_a_plane_are_finer_with_distance(folder: Path, rng: np.random.Generator) -> None:
    sample = load(sorted(folder.glob("*.npz"))[0])
    waves = plane_noise(sample, rng, 12.0)
    below = np.flatnonzero(sample.latitude[:, 48] < -0.15)
    steps = []
    for rows in (below[:4], below[-4:]):
        part = waves[rows]
        assert 0.2 < part.std() < 2
        steps.append(float(np.abs(np.diff(part, axis=1)).mean() / part.std()))
    assert steps[0] > steps[1]


def test_an_open_lens_blurs_what_is_behind_its_focus(
    folder: Path, rng: np.random.Generator
) -> None:
    sample = load(sorted(folder.glob("*.npz"))[0])
    noise = rng.integers(0, 255, sample.image.shape).astype(np.uint8)
    sample = replace(sample, image=noise)
    made = np.mean([defocused(sample, rng).image.std(axis=2)[:15].mean() for _ in range(8)])
    assert made < 0.8 * noise.std(axis=2)[:15].mean()


def test_made_skies_and_overlays(rng: np.random.Generator) -> None:
    for _, make in SKIES:
        colors, density = make((48, 64), rng)
        assert colors.shape == (48, 64, 3) and np.isfinite(colors).all()
        assert density.min() >= 0 and density.max() <= 1
    for _, draw in OVERLAYS:
        opacity = draw((48, 64), rng)
        assert opacity.shape == (48, 64) and 0 <= opacity.min() <= opacity.max() <= 1


def test_folders_grow_and_unreadable_files_are_passed_over(folder: Path) -> None:
    folders = Folders({folder: 1.0, folder / "later": 0.5})
    before = folders.count()
    (folder / "world-1-000000-1.npz").write_bytes(b"half a file")
    (folder / "later").mkdir()
    make_file(folder / "later" / "photo-7.npz", 7)
    folders.scan()
    assert folders.count() > before
    assert folders.draw(np.random.default_rng(0)).image.dtype == np.uint8
    with pytest.raises(ValueError, match="no samples"):
        Folders({folder / "none": 1.0}).draw(np.random.default_rng(0))


def test_all_views_of_a_world_are_held_out_or_none() -> None:
    worlds = [[is_held_out(Path(f"world-1-{n:06d}-{v}.npz")) for v in range(3)] for n in range(400)]
    assert all(len(set(views)) == 1 for views in worlds)
    assert 2 <= sum(views[0] for views in worlds) <= 25


def test_calibration_moves_the_threshold_to_zero() -> None:
    logits = np.linspace(-5, 5, 1001)
    label = np.where(logits > 1.5, 1.0, 0.0)
    threshold = best(overlap(logits, label))
    assert threshold == pytest.approx(1.5, abs=0.2)
    network = SceneNetwork()
    before = network.head.bias[Map.SKY].item()
    calibrate(network, {Map.SKY: threshold})
    assert float(network.head.bias[Map.SKY]) == pytest.approx(before - threshold)
    assert best(overlap(logits, np.zeros_like(logits))) == 0.0


def test_targets_have_the_size_of_the_output(folder: Path) -> None:
    targets = targets_of([random_crop(sample_of(folder), (64, 96), np.random.default_rng(1))] * 2)
    assert isinstance(targets, Targets)
    assert targets.image.shape == (2, 3, 64, 96) and targets.image.abs().max() <= 1
    assert targets.sky.shape == targets.log_disparity.shape == (2, 32, 48)
