"""Motion regions by a pretrained network: a tiny SegFormer on the real code path."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_transformers as tiny
from make_4d.ml.common.errors import ModelError
from make_4d.ml.models.device import describe
from make_4d.ml.pretrained.segmentation import (
    NO_REGION_CLASSES,
    SegmentationModel,
    region_classes,
)
from messages import raises_message
from single_thread import one_thread  # noqa: F401 - pytest finds it here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a tiny SegFormer."""
    return tiny.save_tiny_segformer(tmp_path_factory.mktemp("segformer"))


def load(folder):
    watcher = tiny.Watcher()
    return SegmentationModel(folder, tiny.tiny_spec("motion"), describe("cpu"), watcher.context)


def segment(folder, image):
    return load(folder).segment(image, tiny.Watcher().context)


@pytest.mark.parametrize("size", [80, 200])
def test_sky_water_and_falls_are_found(folder, size):
    model = load(folder)
    images = [tiny.synthetic_image(np.random.default_rng(seed), size) for seed in range(6)]
    masks = [model.segment(image, tiny.Watcher().context) for image, _ in images]
    classes = np.stack([classes for _, classes in images])
    for name, label in (("sky", "sky"), ("water", "water"), ("fall", "waterfall, falls")):
        mask = np.stack([getattr(segment, name) for segment in masks])
        inside = classes == tiny.LABELS.index(label)
        assert mask[inside].mean() > 5 * mask[~inside].mean(), name
    sky, truth = np.stack([segment.sky for segment in masks]) > 0.5, classes == 1
    assert (sky & truth).sum() > 0.8 * (sky | truth).sum()


def test_masks_are_soft_and_sum_to_at_most_one(folder, rng):
    model = load(folder)
    for shape in ((8, 8), (8, 190), (120, 9), (77, 131)):
        watcher = tiny.Watcher()
        masks = model.segment(rng.random((*shape, 3), np.float32), watcher.context)
        for mask in (masks.sky, masks.water, masks.fall):
            assert mask.shape == shape and mask.dtype == np.float32
            assert mask.min() >= 0 and mask.max() <= 1
        assert (masks.sky + masks.water + masks.fall <= 1).all()
        fractions = [fraction for fraction, _ in watcher.reports]
        assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)


def test_probabilities_match_the_library(folder, rng):
    """The sums of the softmax match at the network's own resolution, except at edges."""
    image, _ = tiny.synthetic_image(rng)
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModelForSemanticSegmentation.from_pretrained(folder)
    with torch.no_grad():
        pixels = processor(images=np.uint8(np.rint(image * 255)), return_tensors="pt")
        logits = model(**pixels).logits
        large = torch.nn.functional.interpolate(logits.softmax(1), size=(64, 64), mode="bilinear")
    masks = segment(folder, image)
    probabilities = large[0].numpy()
    assert np.abs(masks.sky - probabilities[1]).mean() < 0.05
    assert np.abs(masks.water - probabilities[3]).mean() < 0.05
    assert np.abs(masks.fall - probabilities[4]).mean() < 0.05


def test_classes_are_selected_by_name():
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
    masks = {
        name: {labels[i] for i in classes}
        for name, classes in region_classes(dict(enumerate(labels))).items()
    }
    assert masks == {
        "sky": {"sky", "Sky-Other-merged", "clouds", "smoke"},
        "water": {"water", "sea", "river", "lake", "sea water; brine"},
        "fall": {"waterfall, falls", "fountain"},
    }


def test_network_with_some_of_the_classes(tmp_path, rng):
    folder = tiny.save_tiny_segformer(tmp_path / "streets", ("road", "sky", "car"))
    image, classes = tiny.synthetic_image(rng, 96, ("road", "sky", "car"))
    masks = segment(folder, image)
    assert masks.sky[classes == 1].mean() > 0.8
    assert not masks.water.any() and not masks.fall.any()


def test_network_without_the_classes_is_rejected(tmp_path):
    folder = tiny.save_tiny_segformer(tmp_path / "rooms", ("wall", "floor", "skyscraper"))
    with raises_message(ModelError, NO_REGION_CLASSES, label="Tiny", stage="Motion"):
        load(folder)
