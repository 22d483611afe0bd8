"""Depth by pretrained networks: tiny ones on the real code path, and the scene's disparity."""

from __future__ import annotations

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_transformers as tiny
from make_4d.ml.common.errors import ModelError
from make_4d.ml.models.device import describe
from make_4d.ml.pretrained import depth, upsample
from make_4d.ml.pretrained.depth import DepthModel, DepthPrediction, scene_disparity
from make_4d.ml.pretrained.loading import LOADING
from make_4d.ml.pretrained.upsample import upsample_to_image
from make_4d.ml.scene.relief import FAR
from messages import is_message, raises_message
from single_thread import one_thread  # noqa: F401 - pytest finds it here

BUILDERS = {
    "dpt": tiny.save_tiny_dpt,
    "hybrid": lambda folder: tiny.save_tiny_dpt(folder, hybrid=True),
    "anything": tiny.save_tiny_depth_anything,
    "anything_metric": lambda folder: tiny.save_tiny_depth_anything(folder, metric=True),
    "pro": tiny.save_tiny_depth_pro,
    "zoe": tiny.save_tiny_zoedepth,
}
METRIC = {"anything_metric", "pro", "zoe"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folder of each tiny network."""
    root = tmp_path_factory.mktemp("depth")
    return {name: build(root / name) for name, build in BUILDERS.items()}


def load(folder, watcher=None):
    context = (watcher or tiny.Watcher()).context
    return DepthModel(folder, tiny.tiny_spec("depth"), describe("cpu"), context)


def estimate(folder, image):
    return load(folder).estimate(image, tiny.Watcher().context)


def library_output(folder, image, processor_kind=None):
    """Return the library's own processor and output for an image of the network's size."""
    kind = processor_kind or transformers.AutoImageProcessor
    processor = kind.from_pretrained(folder)
    model = transformers.AutoModelForDepthEstimation.from_pretrained(folder)
    with torch.no_grad():
        inputs = processor(images=np.uint8(np.rint(image * 255)), return_tensors="pt")
        return processor, model(**inputs)


@pytest.mark.parametrize("name", BUILDERS)
def test_disparity_has_the_size_of_the_image(folders, name, rng):
    model = load(folders[name])
    for shape in ((8, 8), (8, 150), (90, 11), (64, 64), (75, 133)):
        result = model.estimate(rng.random((*shape, 3), np.float32), tiny.Watcher().context)
        assert result.disparity.shape == shape and result.disparity.dtype == np.float32
        assert np.isfinite(result.disparity).all() and np.ptp(result.disparity) > 0
        assert result.metric == (name in METRIC)
        assert (result.focal > 0) == (name == "pro")


@pytest.mark.parametrize("name", ["dpt", "hybrid", "anything", "anything_metric"])
def test_near_pixels_have_larger_disparity(folders, name, rng):
    image, classes = tiny.synthetic_image(rng, 160)
    result = estimate(folders[name], image).disparity
    truth = tiny.inverse_depth(classes)
    if name == "anything_metric":
        assert 0.25 < np.median(1 / result[-40:]) / np.median(1 / truth[-40:]) < 4.0
        result, truth = np.log(result), np.log(np.maximum(truth, 1 / tiny.SKY_METERS))
    assert np.corrcoef(result.ravel(), truth.ravel())[0, 1] > 0.6


@pytest.mark.parametrize("name", ["dpt", "hybrid", "anything"])
def test_relative_depth_matches_the_library_except_at_edges(folders, name, rng):
    image, _ = tiny.synthetic_image(rng)
    processor, outputs = library_output(folders[name], image)
    processed = processor.post_process_depth_estimation(outputs, [image.shape[:2]])
    reference = processed[0]["predicted_depth"].numpy()
    result = estimate(folders[name], image).disparity
    assert np.abs(result - reference).mean() < 0.05 * np.ptp(reference)
    assert result.min() >= reference.min() - 1e-5 and result.max() <= reference.max() + 1e-5


def test_meters_become_disparity(folders, rng):
    image, _ = tiny.synthetic_image(rng)
    _, outputs = library_output(folders["anything_metric"], image)
    meters = outputs.predicted_depth[0].numpy()
    result = estimate(folders["anything_metric"], image).disparity
    assert np.median(np.abs(result * meters - 1)) < 0.05
    assert result.min() >= 1 / meters.max() - 1e-5 and result.max() <= 1 / meters.min() + 1e-5


def test_depth_pro_gives_meters_and_a_focal_length(folders, rng):
    image, _ = tiny.synthetic_image(rng)
    tensor = torch.from_numpy(np.float32(np.rint(image * 255) / 255)).permute(2, 0, 1)[None]
    model = transformers.AutoModelForDepthEstimation.from_pretrained(folders["pro"])
    with torch.no_grad():
        outputs = model(pixel_values=2 * tensor - 1)
    focal_fraction = 0.5 / np.tan(0.5 * np.radians(float(outputs.field_of_view[0])))
    result = estimate(folders["pro"], image)
    assert result.focal == pytest.approx(64 * focal_fraction, rel=1e-4)
    assert result.focal == pytest.approx(32 / np.tan(np.radians(tiny.FIELD_OF_VIEW / 2)), rel=0.05)
    inverse = outputs.predicted_depth[0].numpy() / focal_fraction
    inverse = cv2.resize(inverse, (64, 64))
    assert np.abs(result.disparity - inverse).mean() < 0.1 * inverse.mean()
    # The field of view doesn't change with the image's resolution, so the focal length does.
    three_times_wider = estimate(folders["pro"], cv2.resize(image, (192, 64)))
    assert three_times_wider.focal == pytest.approx(3 * result.focal, rel=0.05)


def test_depth_pro_without_a_field_of_view_is_relative(folders, tmp_path, rng):
    folder = tiny.save_tiny_depth_pro(tmp_path / "pro")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"use_fov_model": False}))
    result = estimate(folder, tiny.synthetic_image(rng)[0])
    assert not result.metric and result.focal == 0


def test_zoedepth_padding_is_removed(folders):
    """A ramp over the padded image must come back as the ramp over the image itself."""
    model = load(folders["zoe"])
    height, width = 60, 80
    rows, columns = int(np.sqrt(height / 2) * 3), int(np.sqrt(width / 2) * 3)
    grid = np.mgrid[0 : height + 2 * rows, 0 : width + 2 * columns].astype(np.float32)
    padded = 1 + 0.01 * grid[0] + 0.02 * grid[1]
    small = cv2.resize(padded, (64, 64), interpolation=cv2.INTER_AREA)
    result = model._without_padding(small, np.zeros((height, width, 3), np.float32))
    assert np.abs(result - padded[rows:-rows, columns:-columns]).max() < 0.01


def test_output_kind_follows_from_the_configuration():
    def output_kind(**config):
        return depth._output_kind(SimpleNamespace(**config), tiny.tiny_spec("depth"))

    dino, swin = SimpleNamespace(model_type="dinov2"), SimpleNamespace(model_type="swinv2")
    assert output_kind(model_type="dpt", is_hybrid=False, backbone_config=None) == "inverse"
    assert output_kind(model_type="dpt", is_hybrid=False, backbone_config=swin) == "inverse"
    assert output_kind(model_type="dpt", is_hybrid=False, backbone_config=dino) == "meters"
    assert output_kind(model_type="glpn") == "meters"
    with raises_message(ModelError, depth.UNKNOWN_OUTPUT, label="Tiny", stage="Depth"):
        output_kind(model_type="chmv2")


def test_network_input_is_bounded(folders, rng):
    network = load(folders["anything"])._network
    for shape in ((1200, 900), (30, 900), (900, 9), (8, 8)):
        pixels = network._pixels(rng.random((*shape, 3), np.float32))
        assert pixels.shape[2] * pixels.shape[3] <= 64 * 64 * 4
        assert min(pixels.shape[2:]) >= 16


def test_progress_increases(folders, rng):
    watcher = tiny.Watcher()
    model = load(folders["dpt"], watcher)
    assert [f for f, _ in watcher.reports] == sorted(f for f, _ in watcher.reports)
    fraction, detail = watcher.reports[0]
    assert fraction == 0.0 and is_message(detail, LOADING, label="Tiny")
    assert watcher.reports[-1][0] == 1.0
    watcher.reports.clear()
    model.estimate(rng.random((300, 200, 3), np.float32), watcher.context)
    assert [f for f, _ in watcher.reports] == sorted(f for f, _ in watcher.reports)
    assert watcher.reports[0][0] == 0.0 and watcher.reports[-1][0] == 1.0


# Edges


def discs(rng, size=256):
    """Return a textured image of discs (size, size, 3) and its disparity 0..1."""
    image = np.full((size, size, 3), (0.45, 0.5, 0.3), np.float32)
    disparity = np.repeat(np.linspace(0.1, 0.6, size, dtype=np.float32)[:, None], size, 1)
    rows, columns = np.indices((size, size))
    for _ in range(10):
        y, x, r = (*rng.integers(20, size - 20, 2), rng.integers(8, 30))
        inside = np.hypot(rows - y, columns - x) < r
        image[inside], disparity[inside] = rng.random(3), rng.random()
    texture = cv2.GaussianBlur(rng.normal(0, 0.2, (size, size)).astype(np.float32), (0, 0), 1.5)
    return np.clip(image + texture[..., None], 0, 1), disparity


def ignore_progress(_: float) -> None:
    """Ignore progress."""


def test_edges_follow_the_image():
    error_rates, mean_errors = [], []
    reach = np.ones((2 * 8 + 1, 2 * 8 + 1), np.uint8)
    for seed in range(6):
        image, truth = discs(np.random.default_rng(seed))
        small = cv2.resize(truth, (64, 64), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), 0.8)
        linear = cv2.resize(small, (256, 256))
        result = upsample_to_image(small, image, ignore_progress)
        error_rates.append([(np.abs(values - truth) > 0.1).mean() for values in (result, linear)])
        mean_errors.append([np.abs(values - truth).mean() for values in (result, linear)])
        assert (result <= cv2.dilate(linear, reach) + 1e-6).all()
        assert (result >= cv2.erode(linear, reach) - 1e-6).all()
    aligned, linear_rate = np.mean(error_rates, 0)
    assert aligned < 0.75 * linear_rate
    assert np.mean(mean_errors, 0)[0] < np.mean(mean_errors, 0)[1]


def test_slopes_and_constants_ignore_texture(rng):
    image = rng.random((120, 160, 3), np.float32)
    ramp = np.repeat(np.linspace(-3, 5, 384, dtype=np.float32)[:, None], 384, 1)
    result = upsample_to_image(ramp, rng.random((500, 600, 3), np.float32), ignore_progress)
    assert np.abs(result - cv2.resize(ramp, (600, 500))).max() < 1e-5
    level = upsample_to_image(np.full((9, 9), 7.5, np.float32), image, ignore_progress)
    assert (level == np.float32(7.5)).all()


def test_strips_are_seamless(rng, monkeypatch):
    image, truth = discs(rng)
    small = cv2.resize(truth, (48, 48), interpolation=cv2.INTER_AREA)
    whole = upsample_to_image(small, image, ignore_progress)
    monkeypatch.setattr(upsample, "STRIP_PIXELS", 7 * 256)
    progress: list[float] = []
    assert np.abs(upsample_to_image(small, image, progress.append) - whole).max() < 1e-4
    assert len(progress) == 38 and progress == sorted(progress)


# The scene's disparity


def relative(values):
    return DepthPrediction(np.asarray(values, np.float32), metric=False, focal=0.0)


def in_meters(meters):
    return DepthPrediction((1 / np.asarray(meters, np.float64)).astype(np.float32), True, 0.0)


def keeps_order(before, after):
    """Whether nothing that was nearer became farther."""
    rank = np.argsort(before.ravel(), kind="stable")
    return (np.diff(after.ravel()[rank]) >= 0).all()


def test_room_without_sky(rng):
    values = rng.uniform(3000, 9000, (60, 80)).astype(np.float32)
    result, unit = scene_disparity(relative(values), np.zeros((60, 80), np.float32))
    assert unit == 0 and result.dtype == np.float32
    assert keeps_order(values, result)
    assert result.max() == 1 and result.min() >= FAR
    assert np.percentile(result, 1) == pytest.approx(depth.FAR_WALL_DISPARITY, abs=0.01)


def test_scale_and_shift_of_relative_depth_do_not_matter(rng):
    values = rng.random((40, 50)).astype(np.float32)
    for sky in (np.zeros((40, 50), np.float32), (np.indices((40, 50))[0] < 9).astype(np.float32)):
        values[sky > 0.5] = 0.01
        one, _ = scene_disparity(relative(values), sky)
        other, _ = scene_disparity(relative(37 * values - 12), sky)
        assert np.abs(one - other).max() < 1e-4


def test_sky_defines_infinity(rng):
    values = np.repeat(np.linspace(5, 105, 50, dtype=np.float32)[:, None], 40, 1)
    sky = np.zeros((50, 40), np.float32)
    sky[:10], values[:10] = 0.9, 5
    result, _ = scene_disparity(relative(values), sky)
    assert (result[:10] == 0).all() and (result[10:] >= FAR).all()
    assert keeps_order(values, result)
    expected = np.clip((values - 5) / (np.percentile(values[10:], 99.9) - 5), FAR, 1)
    assert np.abs(result - expected)[10:].max() < 1e-5


def test_near_sky_does_not_define_infinity(rng):
    values = rng.uniform(0, 1, (50, 40)).astype(np.float32)
    sky = np.zeros((50, 40), np.float32)
    sky[:10], values[:10] = 1, 0.97
    result, _ = scene_disparity(relative(values), sky)
    assert (result[:10] == 0).all()
    assert np.median(result[10:]) > 0.3


def test_single_pixels_do_not_define_the_nearest():
    values = np.repeat(np.linspace(1, 2, 100, dtype=np.float32)[:, None], 100, 1)
    values[50, 50:55] = 900
    result, _ = scene_disparity(relative(values), np.zeros((100, 100), np.float32))
    assert np.median(result[95:]) > 0.9


def test_metric_depth_is_kept():
    meters = np.repeat(np.geomspace(2.5, 4000, 80)[:, None], 60, 1)
    sky = np.zeros((80, 60), np.float32)
    sky[-5:] = 1
    result, unit = scene_disparity(in_meters(meters), sky)
    assert unit == pytest.approx(2.5, rel=0.02)
    in_range = result > FAR
    assert np.abs(unit / result[in_range] / meters[in_range] - 1).max() < 0.02
    assert (result[-5:] == 0).all() and (result[:-5] >= FAR).all()


@pytest.mark.parametrize("metric", [False, True])
def test_flat_and_empty_scenes(metric):
    flat = DepthPrediction(np.full((9, 12), 0.25, np.float32), metric, 0.0)
    result, unit = scene_disparity(flat, np.zeros((9, 12), np.float32))
    assert (result == 1).all() and unit == (4 if metric else 0)
    result, unit = scene_disparity(flat, np.ones((9, 12), np.float32))
    assert (result == 0).all() and unit == 0


def test_gaps_are_rejected():
    for gap in (np.nan, np.inf):
        values = np.ones((8, 8), np.float32)
        values[3, 4] = gap
        with raises_message(ModelError, depth.NOT_FINITE):
            scene_disparity(DepthPrediction(values, False, 0.0), np.zeros((8, 8), np.float32))
