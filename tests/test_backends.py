"""The backends of stages: built-in or the chosen model, in tests one that fills with one color."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from make_4d.geometry.core.messages import Message, from_json
from make_4d.ml.common import job_settings
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from make_4d.ml.models import backends
from make_4d.ml.models.model_cache import ModelCache
from make_4d.ml.scene.network import SceneNetwork
from make_4d.ml.stages import depth, inpaint, motion, outpaint
from make_4d.ml.stages.context import StageContext
from messages import raises_message

NO_MARGINS = np.zeros(4, np.int32)
MAGENTA = np.array([1.0, 0.0, 1.0], np.float32)
HEIGHT, WIDTH = 40, 56


class FakeInpainter:
    """Instead of a diffusion model: fills with magenta."""

    def fill(self, image, hole, seed, context):
        context.report(1.0)
        return np.where(hole[..., None], MAGENTA, image).astype(np.float32)


class FakeSegmentation:
    """Instead of a segmentation model: sky above the middle, water in the lowest quarter."""

    def segment(self, image, context):
        rows = np.arange(len(image))[:, None] / len(image) * np.ones(image.shape[1])
        sky, water = (rows < 0.5).astype(np.float32), (rows >= 0.75).astype(np.float32)
        return SimpleNamespace(sky=sky, water=water, fall=np.zeros_like(sky))


@pytest.fixture
def context():
    models = SimpleNamespace(
        scene_network=SceneNetwork,
        inpainter=lambda settings, prompt, context: FakeInpainter(),
        segmentation=lambda settings, context: FakeSegmentation(),
    )
    return StageContext(lambda fraction, detail: None, lambda: False, models=models)


@pytest.fixture
def image(rng):
    image = np.empty((HEIGHT, WIDTH, 3), np.float32)
    image[: HEIGHT // 2], image[HEIGHT // 2 :] = (0.6, 0.7, 0.9), (0.2, 0.5, 0.2)
    return np.clip(image + rng.normal(0, 0.02, image.shape), 0, 1).astype(np.float32)


def settings_for(**changes):
    return JobSettings("photo.jpg", size=56, **changes)


def test_a_model_outpaints_the_photo(image, context):
    settings = settings_for(inpaint_model="sd2-inpaint")
    made = outpaint.run({"image": image}, settings, context)
    top, right, bottom, left = made["margins"]
    outpainted = made["outpainted"]
    np.testing.assert_array_equal(outpainted[top:-bottom, left:-right], image)
    assert (outpainted[:top] == MAGENTA).all() and (outpainted[:, -right:] == MAGENTA).all()


def layers_of(image, context, **choice):
    """The inpaint stage's layers of a scene whose near half hides the far one, under a sky."""
    disparity = np.zeros((HEIGHT, WIDTH), np.float32)
    disparity[HEIGHT // 2 :] = 0.2
    disparity[HEIGHT // 2 :, : WIDTH // 2] = 1.0
    inputs = {
        "back": image,
        "back_disparity": disparity,
        "back_sky": (disparity == 0).astype(np.float32),
        "bins": np.array([0.9, 3.0, 200.0], np.float32),
        "layer": (disparity < 1.0).astype(np.uint8),
        "horizon": np.array([HEIGHT / 2], np.float32),
    }
    return inpaint.run(inputs, settings_for(**choice), context)["color"], disparity


def test_a_model_inpaints_layers_but_never_the_sky(image, context):
    color, disparity = layers_of(image, context, inpaint_model="sd2-inpaint")
    near, far, sky = color
    np.testing.assert_array_equal(near, image)
    assert (far[disparity == 1.0] == MAGENTA).all()
    np.testing.assert_array_equal(far[disparity < 1.0], image[disparity < 1.0])
    assert not (sky == MAGENTA).all(axis=-1).any()
    builtin, _ = layers_of(image, context)
    np.testing.assert_array_equal(sky, builtin[2])
    assert not (builtin == MAGENTA).all(axis=-1).any()


def test_a_segmentation_model_detects_the_sky_for_depth_and_motion(image, context):
    settings = settings_for(motion_model="segformer-b0")
    estimate = depth.run({"outpainted": image, "margins": NO_MARGINS}, settings, context)
    assert (estimate["sky"][: HEIGHT // 2 - 3] > 0.5).all()
    assert (estimate["sky"][HEIGHT // 2 + 3 :] < 0.5).all()
    inputs = {
        "image": image,
        "margins": NO_MARGINS,
        "focal_35mm": np.zeros(1, np.float32),
        "outpainted": image,
        "color": image[None],
        "depth": np.full((1, HEIGHT, WIDTH), 2.0, np.float32),
        "member": np.ones((1, HEIGHT, WIDTH), bool),
        "observed": np.ones((1, HEIGHT, WIDTH), bool),
        "layer_sky": estimate["sky"][None],
        **estimate,
    }
    moved = motion.run(inputs, settings, context)["moving"][0]
    assert moved[-5:].mean() > 0.8 and moved[HEIGHT // 2 + 4 : HEIGHT * 3 // 4 - 2].max() < 0.2


def test_progress_of_parts_never_goes_back():
    reports: list[tuple[float, str]] = []
    context = StageContext(
        lambda fraction, detail: reports.append((fraction, detail)), lambda: False
    )
    for start in (0.0, 0.5):
        part = context.within(start, start + 0.5)
        part.report(0.0, "Loading")
        part.within(0.0, 0.5).report(1.0, "step")
        part.report(1.0)
    fractions = [fraction for fraction, _ in reports]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert reports[1] == (0.25, "step")


def test_the_built_in_backend_loads_no_pretrained_model(image, monkeypatch):
    def refuse(*_):
        raise AssertionError("a pretrained model is loaded")

    monkeypatch.setattr(ModelCache, "_take", refuse)
    context = StageContext(lambda fraction, detail: None, lambda: False)
    settings = settings_for()
    sky = backends.find_layout(image, settings, context).sky
    assert sky.shape == (HEIGHT, WIDTH)
    depth.run({"outpainted": image, "margins": NO_MARGINS}, settings, context)


def test_the_scene_network_stays_in_memory():
    models = ModelCache()
    network = models.scene_network()
    models.release()
    assert models.scene_network() is network


class FakeDepth:
    """Instead of a depth model: nearer toward the bottom, in meters, with a focal length."""

    def estimate(self, image, context):
        height, width = image.shape[:2]
        rows = np.linspace(0.1, 0.5, height, dtype=np.float32)[:, None].repeat(width, 1)
        return SimpleNamespace(disparity=rows, metric=True, focal=self.focal)

    def __init__(self, focal):
        self.focal = focal


@pytest.mark.parametrize("focal", [0.0, 70.0])
def test_a_depth_model_replaces_depth_and_lens_alone(image, context, focal):
    pytest.importorskip("transformers")
    own = backends.read_image(image, settings_for(), context)
    context.models.depth = lambda settings, context: FakeDepth(focal)
    made = backends.read_image(image, settings_for(depth_model="dpt-hybrid"), context)
    np.testing.assert_array_equal(made.sky, own.sky)
    assert made.horizon == own.horizon and made.confidence == 1.0
    assert made.focal == (focal or own.focal) and made.meters_per_unit == pytest.approx(2, rel=0.1)
    solid = made.sky <= 0.5
    assert (np.diff(made.disparity, axis=0)[solid[1:] & solid[:-1]] >= 0).all()


@pytest.mark.parametrize("confidence", [0.1, 0.9])
def test_uncertain_depth_is_mentioned_and_its_camera_is_not_used(
    image, context, monkeypatch, confidence
):
    seen = replace(
        backends.read_image(image, settings_for(), context), confidence=confidence, roll=0.1
    )
    monkeypatch.setattr(backends, "read_image", lambda *_: seen)
    made = depth.run({"outpainted": image, "margins": NO_MARGINS}, settings_for(), context)
    notes = [from_json(json.loads(str(note))) for note in made["depth_notes"]]
    is_certain = confidence > 0.5
    assert notes == ([] if is_certain else [Message(depth.UNCERTAIN)])
    assert made["tilt"] == (np.float32(0.1) if is_certain else 0)
    assert made["depth_focal"] == (np.float32(seen.focal) if is_certain else 0)


@pytest.mark.parametrize(
    ("roll", "tilt"),
    [(0.0, 0.0), (0.03, 0.0), (-0.03, 0.0), (0.1, 0.1), (-0.1, -0.1), (0.7, 0.0)],
)
def test_a_horizon_is_tilted_if_it_is_clearly_so(image, context, monkeypatch, roll, tilt):
    seen = replace(backends.read_image(image, settings_for(), context), confidence=1.0, roll=roll)
    monkeypatch.setattr(backends, "read_image", lambda *_: seen)
    assert depth.run({"outpainted": image, "margins": NO_MARGINS}, settings_for(), context)[
        "tilt"
    ] == np.float32(tilt)


@pytest.mark.parametrize(
    ("name", "value", "template"),
    [
        ("inpaint_model", "dpt-hybrid", job_settings.NO_MODEL),
        ("depth_model", "nonsense", job_settings.NO_MODEL),
        ("steps", 0, job_settings.STEPS_RANGE),
        ("steps", 501, job_settings.STEPS_RANGE),
        ("guidance", 51.0, job_settings.GUIDANCE_RANGE),
        ("strength", 0.0, job_settings.STRENGTH_RANGE),
        ("prompt", "x" * 20_001, job_settings.PROMPT_LENGTH),
        ("layer_prompts", ("", "x" * 20_001), job_settings.PROMPT_LENGTH),
    ],
)
def test_invalid_model_settings_are_refused(name, value, template):
    with raises_message(SettingsError, template):
        JobSettings("photo.jpg", **{name: value}).validate()


def test_settings_without_effect_are_no_change():
    words = {"prompt": "a lake", "steps": 9, "guidance": 3.0, "strength": 0.5}
    assert settings_for(**words).effective() == settings_for().effective()
    chosen = settings_for(inpaint_model="sd2-inpaint", **words)
    assert chosen.effective() == chosen
    assert not settings_for().needs_torch
    assert chosen.needs_torch and settings_for(networks="x.pth").needs_torch
    assert [spec.key for spec in chosen.models()] == ["sd2-inpaint"]
