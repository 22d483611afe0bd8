"""Diffusion inpainting through diffusers' real pipelines, with tiny models."""

from __future__ import annotations

import socket
import weakref
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from make_4d.ml.common.context import Context, JobCancelled
from messages import is_message

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
tiny = import_module("tiny_diffusion")
devices = import_module("make_4d.ml.models.device")
diffusion = import_module("make_4d.ml.pretrained.diffusion")
diffusion_pass = import_module("make_4d.ml.pretrained.diffusion_pass")
diffusion_fill = import_module("make_4d.ml.pretrained.diffusion_fill")
seam = import_module("make_4d.ml.pretrained.seam")
LOADING = import_module("make_4d.ml.pretrained.loading").LOADING

CPU = devices.describe("cpu")
KINDS = {
    "sd": {},
    "sd2": {"prediction": "v_prediction", "scheduler": "ddim"},
    "half": {"variant": "fp16"},
    "sdxl": {"sdxl": True, "scheduler": "euler"},
}


class ProgressRecorder:
    """A context that records reports and previews, and cancels at a step."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.reports: list[tuple[float, str]] = []
        self.previews: list[np.ndarray] = []
        self.cancel_at = cancel_at
        self.context = Context(
            lambda fraction, detail: self.reports.append((fraction, detail)),
            lambda: self.cancel_at is not None and len(self.steps) >= self.cancel_at,
            self.previews.append,
        )

    @property
    def steps(self) -> list[str]:
        return [detail for _, detail in self.reports if is_message(detail, diffusion_fill.STEP)]


@pytest.fixture(scope="module", autouse=True)
def fast_tests() -> Iterator[None]:
    with tiny.fast_tests():
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Iterator[dict[str, Path]]:
    """Folders of tiny models by kind."""
    base = tmp_path_factory.mktemp("models")
    yield {name: tiny.save_tiny_sd(base / name, **kind) for name, kind in KINDS.items()}


def open_inpainter(
    folder: Path, device=CPU, native: int = 64, variant: str = "", memory_mb=8, **options
):
    spec = tiny.tiny_spec(native_size=native, variant=variant, memory_mb=memory_mb)
    chosen = diffusion.DiffusionOptions(**({"steps": 4} | options))
    return diffusion.DiffusionInpainter(folder, spec, device, chosen, ProgressRecorder().context)


def landscape(height: int, width: int) -> np.ndarray:
    """A synthetic landscape (H, W, 3): a sky and grainy hills."""
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    grain = 0.85 + 0.3 * np.random.default_rng(1).random((height, width, 1))
    sky = np.stack([0.35 + 0.4 * y, 0.55 + 0.3 * y, 0.85 + 0.1 * y], axis=-1)
    ground = np.stack([0.25 + 0.1 * y, 0.4 + 0 * y, 0.15 + 0 * y], axis=-1) * grain
    hills = y > 0.55 + 0.08 * np.sin(9 * x)
    return np.where(hills[..., None], ground, sky).astype(np.float32)


def centered_hole(height: int, width: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[height // 4 : -(height // 4), width // 4 : -(width // 4)] = True
    return hole


def fill_landscape(
    folder: Path, size=(64, 72), seed: int = 3, recorder: ProgressRecorder | None = None, **options
):
    """Return an image before and after, and its hole."""
    image, hole = landscape(*size), centered_hole(*size)
    inpainter = open_inpainter(folder, **options)
    try:
        return (
            image,
            inpainter.fill(image, hole, seed, (recorder or ProgressRecorder()).context),
            hole,
        )
    finally:
        inpainter.close()


def check_fill(image: np.ndarray, result: np.ndarray, hole: np.ndarray) -> None:
    assert result.dtype == np.float32 and result.shape == image.shape
    assert (result[~hole] == image[~hole]).all(), "observed pixels must not change"
    assert np.isfinite(result).all() and result.min() >= 0.0 and result.max() <= 1.0
    assert not hole.any() or np.abs(result - image)[hole].mean() > 0.01, "the hole is unchanged"


@pytest.mark.parametrize("kind", ["sd", "sd2", "sdxl"])
def test_fill_changes_only_the_hole(models, kind) -> None:
    check_fill(*fill_landscape(models[kind]))


@pytest.mark.parametrize("kind", ["sd", "sd2", "sdxl"])
def test_scheduler_is_ddim_with_the_model_settings(models, kind) -> None:
    inpainter = open_inpainter(models[kind])
    scheduler = inpainter._pipeline.scheduler
    assert isinstance(scheduler, import_module("diffusers").DDIMScheduler)
    assert scheduler.config.beta_schedule == "scaled_linear" and not scheduler.config.clip_sample
    assert scheduler.config.prediction_type == ("v_prediction" if kind == "sd2" else "epsilon")
    inpainter.close()


def test_half_precision_files_on_the_cpu(models) -> None:
    inpainter = open_inpainter(models["half"], variant="fp16")
    assert {part.dtype for part in inpainter._pipeline.unet.parameters()} == {torch.float32}
    inpainter.close()
    check_fill(*fill_landscape(models["half"], variant="fp16"))


def test_plain_files_without_the_variant(models) -> None:
    check_fill(*fill_landscape(models["sd"], variant="fp16"))


def test_no_socket_is_opened(models, monkeypatch) -> None:
    def refuse(*arguments, **options):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check_fill(*fill_landscape(models["sdxl"]))


def test_nothing_is_printed(models, capfd) -> None:
    fill_landscape(models["sd"], prompt="a quiet valley " * 200)
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err == ""


# Sizes


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (61, 67), (96, 128), (70, 150)])
def test_sizes(models, size) -> None:
    check_fill(*fill_landscape(models["sd"], size=size, steps=2))


def test_large_image_is_refined_in_tiles(models) -> None:
    recorder = ProgressRecorder()
    image, result, hole = fill_landscape(models["sd"], size=(150, 200), recorder=recorder, steps=5)
    check_fill(image, result, hole)
    plan = diffusion_fill.plan_fill(hole, 64, 8)
    assert plan.first_pass_size == (56, 72) and len(plan.tiles) == 6
    total = 5 + 6 * 2
    assert is_message(recorder.steps[-1], diffusion_fill.STEP, step=total, total=total)


def test_very_large_image() -> None:
    """The longest supported side, through everything but the model."""
    image = np.full((1024, 4096, 3), 0.25, np.float32)
    hole = np.zeros((1024, 4096), bool)
    hole[500:, 3000:3600] = True
    plan = diffusion_fill.plan_fill(hole, 512, 8)
    runner = diffusion_fill.PassRunner(
        lambda inpaint_pass: inpaint_pass.image + 0.1, 512, 8, 4, 1.0
    )
    result = diffusion_fill.fill_image(runner, image, hole, plan, 0, ProgressRecorder().context)
    assert plan.first_pass_size == (256, 1024) and 4 <= len(plan.tiles) <= 9
    assert (result[~hole] == image[~hole]).all()
    np.testing.assert_allclose(result[490:505, 3200:3400], 0.25, atol=0.01)
    assert np.abs(result[hole] - 0.25).max() <= 0.1 + 1e-5


def test_full_and_empty_hole(models) -> None:
    image = landscape(64, 64)
    inpainter = open_inpainter(models["sd"], steps=1)
    with_empty_hole = inpainter.fill(image, np.zeros((64, 64), bool), 0, ProgressRecorder().context)
    with_full_hole = inpainter.fill(image, np.ones((64, 64), bool), 0, ProgressRecorder().context)
    inpainter.close()
    assert (with_empty_hole == image).all() and with_empty_hole is not image
    check_fill(image, with_full_hole, np.ones((64, 64), bool))


def test_contents_of_the_hole_are_ignored(models) -> None:
    """Garbage inside the hole, or just outside it where silhouettes blur, changes nothing."""
    size = (96, 128)
    image, hole = landscape(*size), centered_hole(*size)
    inpainter = open_inpainter(models["sd"], strength=0.5)
    first = inpainter.fill(image, hole, 0, ProgressRecorder().context)
    image[hole] = (1.0, 0.0, 1.0)
    image[~hole & seam.dilate(hole, diffusion_fill.HOLE_DILATION)] = (1.0, 0.0, 1.0)
    second = inpainter.fill(image, hole, 0, ProgressRecorder().context)
    inpainter.close()
    assert (first[hole] == second[hole]).all()


def test_hole_of_one_pixel_covers_a_latent() -> None:
    """The pipeline reads one pixel of each latent, so no part of the hole may be missed."""
    hole = np.zeros((16, 24), bool)
    hole[13, 7] = True
    mask = diffusion_pass._mask(hole, 8)
    assert mask.shape == (1, 1, 16, 24)
    assert (mask[0, 0, 8:, :8] == 1).all() and mask.sum() == 64


def test_tiles_are_seamless() -> None:
    """Tiles of very different detail and color blend without a border."""
    rng = np.random.default_rng(0)

    def run_pass(inpaint_pass):
        return inpaint_pass.image + np.float32(
            rng.normal(0.0, 0.2)
        )  # a different color in every pass

    hole = np.ones((200, 300), bool)
    hole[:, :20] = False
    image = np.full((200, 300, 3), 0.5, np.float32)
    plan = diffusion_fill.plan_fill(hole, 64, 8)
    runner = diffusion_fill.PassRunner(run_pass, 64, 8, 4, 1.0)
    result = diffusion_fill.fill_image(runner, image, hole, plan, 0, ProgressRecorder().context)
    assert len(plan.tiles) > 20
    assert max(np.abs(np.diff(result, axis=axis)).max() for axis in (0, 1)) < 0.01


def test_each_tile_starts_from_the_previous_ones() -> None:
    deviations = []

    def run_pass(inpaint_pass):
        if inpaint_pass.strength == 1.0:
            return np.full_like(inpaint_pass.image, 0.5)
        deviations.append(float(inpaint_pass.image.std()))
        checkerboard = (np.indices(inpaint_pass.hole.shape).sum(axis=0) % 2)[..., None]
        return 0 * inpaint_pass.image + np.float32(0.4) + np.float32(0.2) * checkerboard

    hole = np.ones((64, 200), bool)
    plan = diffusion_fill.plan_fill(hole, 64, 8)
    runner = diffusion_fill.PassRunner(run_pass, 64, 8, 4, 1.0)
    image = np.zeros((64, 200, 3), np.float32)
    result = diffusion_fill.fill_image(runner, image, hole, plan, 0, ProgressRecorder().context)
    assert deviations[0] < 1e-6 and min(deviations[1:]) > 0.02, (
        "later tiles get the detail of earlier ones"
    )
    np.testing.assert_allclose(result[:, 8:-8].std(), 0.1, atol=0.006)


# Seeds, prompts, progress


def test_seed_determines_the_image(models) -> None:
    inpainter = open_inpainter(models["sd"])
    image, hole = landscape(96, 128), centered_hole(96, 128)
    first, again, other = (
        inpainter.fill(image, hole, s, ProgressRecorder().context) for s in (5, 5, 6)
    )
    inpainter.close()
    _, fresh, _ = fill_landscape(models["sd"], size=(96, 128), seed=5)
    assert (first == again).all() and (first == fresh).all()
    assert np.abs(first - other)[hole].mean() > 0.01


@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_prompts(models, kind) -> None:
    prompts = [
        "",
        "a lake",
        "山の湖、夕焼け 🙂 بحيرة \u0000 \ud800 <|endoftext|>",
        "湖 lake " * 1_300,
    ]
    results = [
        fill_landscape(models[kind], prompt=p, negative_prompt=p[::-1], steps=1) for p in prompts
    ]
    for result in results:
        check_fill(*result)
    assert (results[0][1] != results[1][1]).any(), "the prompt changes the picture"


def test_prompts_are_passed_unchanged(models, monkeypatch) -> None:
    inpainter = open_inpainter(models["sd"])
    requests = []
    original = inpainter._pipeline.encode_prompt

    def encode(prompt, *arguments, **options):
        requests.append(
            (prompt, arguments[3] if len(arguments) > 3 else options["negative_prompt"])
        )
        return original(prompt, *arguments, **options)

    monkeypatch.setattr(inpainter._pipeline, "encode_prompt", encode)
    inpainter.fill(landscape(64, 64), centered_hole(64, 64), 0, ProgressRecorder().context)
    inpainter.close()
    assert requests == [("", None)]


@pytest.mark.parametrize(("steps", "strength"), [(1, 0.1), (3, 0.3), (10, 0.01), (49, 1 / 49)])
def test_at_least_one_step_is_run(models, steps, strength) -> None:
    recorder = ProgressRecorder()
    check_fill(*fill_landscape(models["sd"], recorder=recorder, steps=steps, strength=strength))
    [step] = recorder.steps
    assert is_message(step, diffusion_fill.STEP, step=1, total=1)


def test_progress_and_previews(models) -> None:
    recorder = ProgressRecorder()
    fill_landscape(models["sd"], size=(96, 128), recorder=recorder, steps=10)
    fractions = [fraction for fraction, _ in recorder.reports]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    total = len(recorder.steps)
    assert [step.values for step in recorder.steps] == [
        {"step": k + 1, "total": total} for k in range(total)
    ]
    assert 3 <= len(recorder.previews) < total
    original_image = landscape(96, 128)
    hole = seam.dilate(centered_hole(96, 128), diffusion_fill.HOLE_DILATION)
    for image in recorder.previews:
        assert image.shape == (96, 128, 3) and image.dtype == np.float32
        assert image.min() >= 0.0 and image.max() <= 1.0
        assert (image[~hole] == original_image[~hole]).all(), "observed pixels are shown unchanged"


def test_cancel_is_noticed_within_a_step(models) -> None:
    recorder = ProgressRecorder(cancel_at=3)
    with pytest.raises(JobCancelled):
        fill_landscape(models["sd"], size=(96, 128), recorder=recorder, steps=10)
    assert len(recorder.steps) == 3


def test_loading_is_reported_and_can_be_cancelled(models) -> None:
    recorder = ProgressRecorder()
    arguments = models["sd"], tiny.tiny_spec(), CPU, diffusion.DiffusionOptions()
    diffusion.DiffusionInpainter(*arguments, recorder.context).close()
    fraction, detail = recorder.reports[0]
    assert fraction == 0.0 and is_message(detail, LOADING, label="Tiny Inpainting")
    with pytest.raises(JobCancelled):
        diffusion.DiffusionInpainter(*arguments, ProgressRecorder(cancel_at=0).context)


def test_close_frees_the_model(models, monkeypatch) -> None:
    calls = []
    original = devices.free_memory
    monkeypatch.setattr(devices, "free_memory", lambda: (calls.append(1), original()))
    inpainter = open_inpainter(models["sd"])
    inpainter.fill(landscape(64, 64), centered_hole(64, 64), 0, ProgressRecorder().context)
    networks = [weakref.ref(getattr(inpainter._pipeline, n)) for n in ("unet", "vae")]
    assert all(network() is not None for network in networks)
    inpainter.close()
    assert calls == [1] and all(network() is None for network in networks)
    inpainter.close()
