"""Depth by pretrained networks: tiny ones on the real path, and the scene's disparity."""

from __future__ import annotations

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_transformers as tiny
from make_4d.ml.classical.layout import FAR
from make_4d.ml.common.errors import ModelError
from make_4d.ml.models.device import describe
from make_4d.ml.pretrained import depth, upsample
from make_4d.ml.pretrained.depth import DepthModel, NetworkDepth, scene_disparity
from make_4d.ml.pretrained.upsample import at_picture_size

BUILDERS = {
    "dpt": tiny.save_tiny_dpt,
    "hybrid": lambda folder: tiny.save_tiny_dpt(folder, hybrid=True),
    "anything": tiny.save_tiny_depth_anything,
    "anything_metric": lambda folder: tiny.save_tiny_depth_anything(folder, metric=True),
    "pro": tiny.save_tiny_depth_pro,
    "zoe": tiny.save_tiny_zoedepth,
}
METRIC = {"anything_metric", "pro", "zoe"}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny networks are slower on many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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


def as_the_library_does(folder, image, processor_kind=None):
    """The library's own output for a picture that has the network's size already."""
    kind = processor_kind or transformers.AutoImageProcessor
    processor = kind.from_pretrained(folder)
    model = transformers.AutoModelForDepthEstimation.from_pretrained(folder)
    with torch.no_grad():
        inputs = processor(images=np.uint8(np.rint(image * 255)), return_tensors="pt")
        return processor, model(**inputs)


@pytest.mark.parametrize("name", BUILDERS)
def test_any_size_gives_a_disparity_of_that_size(folders, name, rng):
    model = load(folders[name])
    for shape in ((8, 8), (8, 150), (90, 11), (64, 64), (75, 133)):
        found = model.estimate(rng.random((*shape, 3), np.float32), tiny.Watcher().context)
        assert found.disparity.shape == shape and found.disparity.dtype == np.float32
        assert np.isfinite(found.disparity).all() and np.ptp(found.disparity) > 0
        assert found.metric == (name in METRIC)
        assert (found.focal > 0) == (name == "pro")


@pytest.mark.parametrize("name", ["dpt", "hybrid", "anything", "anything_metric"])
def test_what_is_near_is_larger(folders, name, rng):
    image, classes = tiny.painted(rng, 160)
    found = estimate(folders[name], image).disparity
    truth = tiny.near_at_the_bottom(classes)
    if name == "anything_metric":
        assert 0.25 < np.median(1 / found[-40:]) / np.median(1 / truth[-40:]) < 4.0
        found, truth = np.log(found), np.log(np.maximum(truth, 1 / tiny.SKY_METRES))
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.6


@pytest.mark.parametrize("name", ["dpt", "hybrid", "anything"])
def test_relative_depth_is_the_librarys_but_for_edges(folders, name, rng):
    image, _ = tiny.painted(rng)
    processor, outputs = as_the_library_does(folders[name], image)
    processed = processor.post_process_depth_estimation(outputs, [image.shape[:2]])
    reference = processed[0]["predicted_depth"].numpy()
    found = estimate(folders[name], image).disparity
    assert np.abs(found - reference).mean() < 0.05 * np.ptp(reference)
    assert found.min() >= reference.min() - 1e-5 and found.max() <= reference.max() + 1e-5


def test_meters_become_disparity(folders, rng):
    image, _ = tiny.painted(rng)
    _, outputs = as_the_library_does(folders["anything_metric"], image)
    meters = outputs.predicted_depth[0].numpy()
    found = estimate(folders["anything_metric"], image).disparity
    assert np.median(np.abs(found * meters - 1)) < 0.05
    assert found.min() >= 1 / meters.max() - 1e-5 and found.max() <= 1 / meters.min() + 1e-5


def test_depth_pro_gives_meters_and_a_focal_length(folders, rng):
    image, _ = tiny.painted(rng)
    picture = torch.from_numpy(np.float32(np.rint(image * 255) / 255)).permute(2, 0, 1)[None]
    model = transformers.AutoModelForDepthEstimation.from_pretrained(folders["pro"])
    with torch.no_grad():
        outputs = model(pixel_values=2 * picture - 1)
    share = 0.5 / np.tan(0.5 * np.radians(float(outputs.field_of_view[0])))
    found = estimate(folders["pro"], image)
    assert found.focal == pytest.approx(64 * share, rel=1e-4)
    assert found.focal == pytest.approx(32 / np.tan(np.radians(tiny.FIELD_OF_VIEW / 2)), rel=0.05)
    inverse = outputs.predicted_depth[0].numpy() / share
    inverse = cv2.resize(inverse, (64, 64))
    assert np.abs(found.disparity - inverse).mean() < 0.1 * inverse.mean()
    # The field of view doesn't change with the picture's resolution, so the focal length does.
    outpainted = estimate(folders["pro"], cv2.resize(image, (192, 64)))
    assert outpainted.focal == pytest.approx(3 * found.focal, rel=0.05)


def test_depth_pro_without_a_field_of_view_is_relative(folders, tmp_path, rng):
    folder = tiny.save_tiny_depth_pro(tmp_path / "pro")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"use_fov_model": False}))
    found = estimate(folder, tiny.painted(rng)[0])
    assert not found.metric and found.focal == 0


def test_zoedepths_padding_is_cut_off(folders):
    """A ramp over the padded picture must come back as the ramp over the picture itself."""
    model = load(folders["zoe"])
    height, width = 60, 80
    rows, columns = int(np.sqrt(height / 2) * 3), int(np.sqrt(width / 2) * 3)
    grid = np.mgrid[0 : height + 2 * rows, 0 : width + 2 * columns].astype(np.float32)
    padded = 1 + 0.01 * grid[0] + 0.02 * grid[1]
    small = cv2.resize(padded, (64, 64), interpolation=cv2.INTER_AREA)
    found = model._without_padding(small, np.zeros((height, width, 3), np.float32))
    assert np.abs(found - padded[rows:-rows, columns:-columns]).max() < 0.01


def test_what_the_numbers_mean_is_told_by_the_configuration():
    def meaning(**config):
        return depth._meaning(SimpleNamespace(**config), tiny.tiny_spec("depth"))

    dino, swin = SimpleNamespace(model_type="dinov2"), SimpleNamespace(model_type="swinv2")
    assert meaning(model_type="dpt", is_hybrid=False, backbone_config=None) == "inverse"
    assert meaning(model_type="dpt", is_hybrid=False, backbone_config=swin) == "inverse"
    assert meaning(model_type="dpt", is_hybrid=False, backbone_config=dino) == "meters"
    assert meaning(model_type="glpn") == "meters"
    with pytest.raises(ModelError, match=r"^Tiny .* Depth\.$"):
        meaning(model_type="chmv2")


def test_the_network_sees_a_bounded_picture(folders, rng):
    network = load(folders["anything"])._network
    for shape in ((1200, 900), (30, 900), (900, 9), (8, 8)):
        pixels = network._pixels(rng.random((*shape, 3), np.float32))
        assert pixels.shape[2] * pixels.shape[3] <= 64 * 64 * 4
        assert min(pixels.shape[2:]) >= 16


def test_progress_grows(folders, rng):
    watcher = tiny.Watcher()
    model = load(folders["dpt"], watcher)
    assert [f for f, _ in watcher.translate] == sorted(f for f, _ in watcher.translate)
    assert watcher.translate[0] == (0.0, "Loading Tiny") and watcher.translate[-1][0] == 1.0
    watcher.translate.clear()
    model.estimate(rng.random((300, 200, 3), np.float32), watcher.context)
    assert [f for f, _ in watcher.translate] == sorted(f for f, _ in watcher.translate)
    assert watcher.translate[0][0] == 0.0 and watcher.translate[-1][0] == 1.0


# Edges


def discs(rng, size=256):
    """A textured picture of discs (size, size, 3) and its disparity 0..1."""
    image = np.full((size, size, 3), (0.45, 0.5, 0.3), np.float32)
    disparity = np.repeat(np.linspace(0.1, 0.6, size, dtype=np.float32)[:, None], size, 1)
    rows, columns = np.indices((size, size))
    for _ in range(10):
        y, x, r = (*rng.integers(20, size - 20, 2), rng.integers(8, 30))
        inside = np.hypot(rows - y, columns - x) < r
        image[inside], disparity[inside] = rng.random(3), rng.random()
    texture = cv2.GaussianBlur(rng.normal(0, 0.2, (size, size)).astype(np.float32), (0, 0), 1.5)
    return np.clip(image + texture[..., None], 0, 1), disparity


def nothing(_: float) -> None:
    """Progress that nobody asked for."""


def test_edges_are_those_of_the_picture():
    wrong, off = [], []
    reach = np.ones((2 * 8 + 1, 2 * 8 + 1), np.uint8)
    for seed in range(6):
        image, truth = discs(np.random.default_rng(seed))
        small = cv2.resize(truth, (64, 64), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), 0.8)
        linear = cv2.resize(small, (256, 256))
        found = at_picture_size(small, image, nothing)
        wrong.append([(np.abs(values - truth) > 0.1).mean() for values in (found, linear)])
        off.append([np.abs(values - truth).mean() for values in (found, linear)])
        assert (found <= cv2.dilate(linear, reach) + 1e-6).all()
        assert (found >= cv2.erode(linear, reach) - 1e-6).all()
    snapped, plain = np.mean(wrong, 0)
    assert snapped < 0.75 * plain
    assert np.mean(off, 0)[0] < np.mean(off, 0)[1]


def test_slopes_and_levels_take_nothing_from_the_texture(rng):
    image = rng.random((120, 160, 3), np.float32)
    ramp = np.repeat(np.linspace(-3, 5, 384, dtype=np.float32)[:, None], 384, 1)
    found = at_picture_size(ramp, rng.random((500, 600, 3), np.float32), nothing)
    assert np.abs(found - cv2.resize(ramp, (600, 500))).max() < 1e-5
    level = at_picture_size(np.full((9, 9), 7.5, np.float32), image, nothing)
    assert (level == np.float32(7.5)).all()


def test_strips_join_without_a_seam(rng, monkeypatch):
    image, truth = discs(rng)
    small = cv2.resize(truth, (48, 48), interpolation=cv2.INTER_AREA)
    whole = at_picture_size(small, image, nothing)
    monkeypatch.setattr(upsample, "STRIP_PIXELS", 7 * 256)
    shares: list[float] = []
    assert np.abs(at_picture_size(small, image, shares.append) - whole).max() < 1e-4
    assert len(shares) == 38 and shares == sorted(shares)


# The scene's disparity


def relative(values):
    return NetworkDepth(np.asarray(values, np.float32), metric=False, focal=0.0)


def in_meters(meters):
    return NetworkDepth((1 / np.asarray(meters, np.float64)).astype(np.float32), True, 0.0)


def ordered(before, after):
    """Whether nothing that was nearer became farther."""
    rank = np.argsort(before.ravel(), kind="stable")
    return (np.diff(after.ravel()[rank]) >= 0).all()


def test_without_a_sky_a_room_stays_a_room(rng):
    values = rng.uniform(3000, 9000, (60, 80)).astype(np.float32)
    found, unit = scene_disparity(relative(values), np.zeros((60, 80), np.float32))
    assert unit == 0 and found.dtype == np.float32
    assert ordered(values, found)
    assert found.max() == 1 and found.min() >= FAR
    assert np.percentile(found, 1) == pytest.approx(depth.FAR_WALL, abs=0.01)


def test_scale_and_shift_of_a_relative_network_do_not_matter(rng):
    values = rng.random((40, 50)).astype(np.float32)
    for sky in (np.zeros((40, 50), np.float32), (np.indices((40, 50))[0] < 9).astype(np.float32)):
        values[sky > 0.5] = 0.01
        one, _ = scene_disparity(relative(values), sky)
        other, _ = scene_disparity(relative(37 * values - 12), sky)
        assert np.abs(one - other).max() < 1e-4


def test_the_sky_is_the_zero(rng):
    values = np.repeat(np.linspace(5, 105, 50, dtype=np.float32)[:, None], 40, 1)
    sky = np.zeros((50, 40), np.float32)
    sky[:10], values[:10] = 0.9, 5
    found, _ = scene_disparity(relative(values), sky)
    assert (found[:10] == 0).all() and (found[10:] >= FAR).all()
    assert ordered(values, found)
    wanted = np.clip((values - 5) / (np.percentile(values[10:], 99.9) - 5), FAR, 1)
    assert np.abs(found - wanted)[10:].max() < 1e-5


def test_a_sky_that_the_network_holds_for_near_is_no_zero(rng):
    values = rng.uniform(0, 1, (50, 40)).astype(np.float32)
    sky = np.zeros((50, 40), np.float32)
    sky[:10], values[:10] = 1, 0.97
    found, _ = scene_disparity(relative(values), sky)
    assert (found[:10] == 0).all()
    assert np.median(found[10:]) > 0.3


def test_single_pixels_do_not_set_the_nearest():
    values = np.repeat(np.linspace(1, 2, 100, dtype=np.float32)[:, None], 100, 1)
    values[50, 50:55] = 900
    found, _ = scene_disparity(relative(values), np.zeros((100, 100), np.float32))
    assert np.median(found[95:]) > 0.9


def test_meters_are_kept():
    meters = np.repeat(np.geomspace(2.5, 4000, 80)[:, None], 60, 1)
    sky = np.zeros((80, 60), np.float32)
    sky[-5:] = 1
    found, unit = scene_disparity(in_meters(meters), sky)
    assert unit == pytest.approx(2.5, rel=0.02)
    seen = found > FAR
    assert np.abs(unit / found[seen] / meters[seen] - 1).max() < 0.02
    assert (found[-5:] == 0).all() and (found[:-5] >= FAR).all()


@pytest.mark.parametrize("metric", [False, True])
def test_flat_and_empty_scenes(metric):
    flat = NetworkDepth(np.full((9, 12), 0.25, np.float32), metric, 0.0)
    found, unit = scene_disparity(flat, np.zeros((9, 12), np.float32))
    assert (found == 1).all() and unit == (4 if metric else 0)
    found, unit = scene_disparity(flat, np.ones((9, 12), np.float32))
    assert (found == 0).all() and unit == 0


def test_gaps_are_refused():
    for gap in (np.nan, np.inf):
        values = np.ones((8, 8), np.float32)
        values[3, 4] = gap
        with pytest.raises(ModelError, match="Depth"):
            scene_disparity(NetworkDepth(values, False, 0.0), np.zeros((8, 8), np.float32))
