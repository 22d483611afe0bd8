"""Regions by a pretrained network: a tiny SegFormer on the real path."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_transformers as tiny
from make_4d.ml.common.errors import ModelError
from make_4d.ml.models.device import describe
from make_4d.ml.pretrained.segmentation import SegmentationModel, classes_of


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny networks are slower on many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a tiny SegFormer."""
    return tiny.save_tiny_segformer(tmp_path_factory.mktemp("segformer"))


def load(folder):
    watcher = tiny.Watcher()
    return SegmentationModel(folder, tiny.tiny_spec("motion"), describe("cpu"), watcher.context)


def regions(folder, image):
    return load(folder).regions(image, tiny.Watcher().context)


@pytest.mark.parametrize("size", [80, 200])
def test_sky_water_and_falls_are_found(folder, size):
    model = load(folder)
    pictures = [tiny.painted(np.random.default_rng(seed), size) for seed in range(6)]
    found = [model.regions(image, tiny.Watcher().context) for image, _ in pictures]
    classes = np.stack([classes for _, classes in pictures])
    for name, label in (("sky", "sky"), ("water", "water"), ("fall", "waterfall, falls")):
        mask = np.stack([getattr(regions, name) for regions in found])
        inside = classes == tiny.LABELS.index(label)
        assert mask[inside].mean() > 5 * mask[~inside].mean(), name
    sky, truth = np.stack([regions.sky for regions in found]) > 0.5, classes == 1
    assert (sky & truth).sum() > 0.8 * (sky | truth).sum()


def test_masks_are_soft_and_share_every_pixel(folder, rng):
    model = load(folder)
    for shape in ((8, 8), (8, 190), (120, 9), (77, 131)):
        watcher = tiny.Watcher()
        found = model.regions(rng.random((*shape, 3), np.float32), watcher.context)
        for mask in (found.sky, found.water, found.fall):
            assert mask.shape == shape and mask.dtype == np.float32
            assert mask.min() >= 0 and mask.max() <= 1
        assert (found.sky + found.water + found.fall <= 1).all()
        fractions = [fraction for fraction, _ in watcher.translate]
        assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)


def test_shares_are_the_librarys(folder, rng):
    """The sums of the softmax at the network's own resolution, but for the edges."""
    image, _ = tiny.painted(rng)
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForSemanticSegmentation.from_pretrained(folder)
    with torch.no_grad():
        pixels = processor(images=np.uint8(np.rint(image * 255)), return_tensors="pt")
        logits = model(**pixels).logits
        large = torch.nn.functional.interpolate(logits.softmax(1), size=(64, 64), mode="bilinear")
    found = regions(folder, image)
    shares = large[0].numpy()
    assert np.abs(found.sky - shares[1]).mean() < 0.05
    assert np.abs(found.water - shares[3]).mean() < 0.05
    assert np.abs(found.fall - shares[4]).mean() < 0.05


def test_classes_are_picked_by_the_words_of_their_names():
    labels = (
        "wall",
        "sky",
        "skyscraper",
        "water",
        "waterfall, falls",
        "sea",
        "seat",
        "river",
        "lake",
        "fountain",
        "water tower",
        "Sky-Other-merged",
        "clouds",
        "smoke",
        "riverbank",
        "swivel chair",
        "earth, ground",
        "sea water; brine",
        "",
    )
    found = {
        name: {labels[i] for i in classes}
        for name, classes in classes_of(dict(enumerate(labels))).items()
    }
    assert found == {
        "sky": {"sky", "Sky-Other-merged", "clouds", "smoke"},
        "water": {"water", "sea", "river", "lake", "sea water; brine"},
        "fall": {"waterfall, falls", "fountain"},
    }


def test_a_network_may_know_some_of_them_only(tmp_path, rng):
    folder = tiny.save_tiny_segformer(tmp_path / "streets", ("road", "sky", "car"))
    image, classes = tiny.painted(rng, 96, ("road", "sky", "car"))
    found = regions(folder, image)
    assert found.sky[classes == 1].mean() > 0.8
    assert not found.water.any() and not found.fall.any()


def test_a_network_that_knows_none_of_them_is_refused(tmp_path):
    folder = tiny.save_tiny_segformer(tmp_path / "rooms", ("wall", "floor", "skyscraper"))
    message = r"^Tiny doesn't know sky or water: choose another model for Motion\.$"
    with pytest.raises(ModelError, match=message):
        load(folder)
