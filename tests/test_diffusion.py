"""Diffusion inpainting through diffusers' real pipelines, over tiny models."""

from __future__ import annotations

import socket
import weakref
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from make_4d.ml.common.context import Context, JobCancelled

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
tiny = import_module("tiny_diffusion")
devices = import_module("make_4d.ml.models.device")
diffusion = import_module("make_4d.ml.pretrained.diffusion")
diffusion_pass = import_module("make_4d.ml.pretrained.diffusion_pass")
diffusion_fill = import_module("make_4d.ml.pretrained.diffusion_fill")
seam = import_module("make_4d.ml.pretrained.seam")

CPU = devices.describe("cpu")
KINDS = {
    "sd": {},
    "sd2": {"prediction": "v_prediction", "scheduler": "ddim"},
    "half": {"variant": "fp16"},
    "sdxl": {"sdxl": True, "scheduler": "euler"},
}


class Watch:
    """A context that keeps what it is told, and cancels at a step."""

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
        return [detail for _, detail in self.reports if detail.startswith("step")]


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with tiny.quick():
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Iterator[dict[str, Path]]:
    """Folders of tiny models by kind."""
    base = tmp_path_factory.mktemp("models")
    yield {name: tiny.save_tiny_sd(base / name, **kind) for name, kind in KINDS.items()}


def opened(folder: Path, device=CPU, native: int = 64, variant: str = "", memory_mb=8, **options):
    spec = tiny.tiny_spec(native_size=native, variant=variant, memory_mb=memory_mb)
    chosen = diffusion.DiffusionOptions(**({"steps": 4} | options))
    return diffusion.DiffusionInpainter(folder, spec, device, chosen, Watch().context)


def landscape(height: int, width: int) -> np.ndarray:
    """A made-up landscape (H, W, 3): a sky, and hills with a grain."""
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    grain = 0.85 + 0.3 * np.random.default_rng(1).random((height, width, 1))
    sky = np.stack([0.35 + 0.4 * y, 0.55 + 0.3 * y, 0.85 + 0.1 * y], axis=-1)
    ground = np.stack([0.25 + 0.1 * y, 0.4 + 0 * y, 0.15 + 0 * y], axis=-1) * grain
    hills = y > 0.55 + 0.08 * np.sin(9 * x)
    return np.where(hills[..., None], ground, sky).astype(np.float32)


def middle_hole(height: int, width: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[height // 4 : -(height // 4), width // 4 : -(width // 4)] = True
    return hole


def filled(folder: Path, size=(64, 72), seed: int = 3, watch: Watch | None = None, **options):
    """A picture before and after, and its hole."""
    image, hole = landscape(*size), middle_hole(*size)
    inpainter = opened(folder, **options)
    try:
        return image, inpainter.fill(image, hole, seed, (watch or Watch()).context), hole
    finally:
        inpainter.close()


def check_fill(image: np.ndarray, result: np.ndarray, hole: np.ndarray) -> None:
    assert result.dtype == np.float32 and result.shape == image.shape
    assert (result[~hole] == image[~hole]).all(), "known pixels must not change"
    assert np.isfinite(result).all() and result.min() >= 0.0 and result.max() <= 1.0
    assert not hole.any() or np.abs(result - image)[hole].mean() > 0.01, "nothing was painted"


@pytest.mark.parametrize("kind", ["sd", "sd2", "sdxl"])
def test_fill(models, kind) -> None:
    check_fill(*filled(models[kind]))


@pytest.mark.parametrize("kind", ["sd", "sd2", "sdxl"])
def test_scheduler_is_ddim_with_the_models_own_settings(models, kind) -> None:
    inpainter = opened(models[kind])
    scheduler = inpainter._pipeline.scheduler
    assert isinstance(scheduler, import_module("diffusers").DDIMScheduler)
    assert scheduler.config.beta_schedule == "scaled_linear" and not scheduler.config.clip_sample
    assert scheduler.config.prediction_type == ("v_prediction" if kind == "sd2" else "epsilon")
    inpainter.close()


def test_half_precision_files_on_a_cpu(models) -> None:
    inpainter = opened(models["half"], variant="fp16")
    assert {part.dtype for part in inpainter._pipeline.unet.parameters()} == {torch.float32}
    inpainter.close()
    check_fill(*filled(models["half"], variant="fp16"))


def test_plain_files_where_there_is_no_variant(models) -> None:
    check_fill(*filled(models["sd"], variant="fp16"))


def test_no_sockets(models, monkeypatch) -> None:
    def refuse(*arguments, **options):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check_fill(*filled(models["sdxl"]))


def test_nothing_is_printed(models, capfd) -> None:
    filled(models["sd"], prompt="a quiet valley " * 200)
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err == ""


# Sizes


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (61, 67), (96, 128), (70, 150)])
def test_sizes(models, size) -> None:
    check_fill(*filled(models["sd"], size=size, steps=2))


def test_large_picture_is_refined_in_tiles(models) -> None:
    watch = Watch()
    image, result, hole = filled(models["sd"], size=(150, 200), watch=watch, steps=5)
    check_fill(image, result, hole)
    plan = diffusion_fill.plan_fill(hole, 64, 8)
    assert plan.first == (56, 72) and len(plan.tiles) == 6
    assert watch.steps[-1] == f"step {5 + 6 * 2} of {5 + 6 * 2}"


def test_very_large_picture() -> None:
    """The longest side there is, through everything but the model."""
    image = np.full((1024, 4096, 3), 0.25, np.float32)
    hole = np.zeros((1024, 4096), bool)
    hole[500:, 3000:3600] = True
    plan = diffusion_fill.plan_fill(hole, 512, 8)
    painter = diffusion_fill.Painter(lambda job: job.picture + 0.1, 512, 8, 4, 1.0)
    result = diffusion_fill.fill_picture(painter, image, hole, plan, 0, Watch().context)
    assert plan.first == (256, 1024) and 4 <= len(plan.tiles) <= 9
    assert (result[~hole] == image[~hole]).all()
    np.testing.assert_allclose(result[490:505, 3200:3400], 0.25, atol=0.01)
    assert np.abs(result[hole] - 0.25).max() <= 0.1 + 1e-5


def test_everything_is_hole_and_nothing_is(models) -> None:
    image = landscape(64, 64)
    inpainter = opened(models["sd"], steps=1)
    nothing = inpainter.fill(image, np.zeros((64, 64), bool), 0, Watch().context)
    everything = inpainter.fill(image, np.ones((64, 64), bool), 0, Watch().context)
    inpainter.close()
    assert (nothing == image).all() and nothing is not image
    check_fill(image, everything, np.ones((64, 64), bool))


def test_what_lies_in_the_hole_is_not_looked_at(models) -> None:
    """Garbage inside the hole, or just outside it where silhouettes blur, changes nothing."""
    size = (96, 128)
    image, hole = landscape(*size), middle_hole(*size)
    inpainter = opened(models["sd"], strength=0.5)
    first = inpainter.fill(image, hole, 0, Watch().context)
    image[hole] = (1.0, 0.0, 1.0)
    image[~hole & seam.dilate(hole, diffusion_fill.GROWTH)] = (1.0, 0.0, 1.0)
    second = inpainter.fill(image, hole, 0, Watch().context)
    inpainter.close()
    assert (first[hole] == second[hole]).all()


def test_hole_of_a_pixel_is_a_whole_latent() -> None:
    """The pipeline looks at one pixel of each latent, so none of the hole may be missed."""
    hole = np.zeros((16, 24), bool)
    hole[13, 7] = True
    mask = diffusion_pass._mask(hole, 8)
    assert mask.shape == (1, 1, 16, 24)
    assert (mask[0, 0, 8:, :8] == 1).all() and mask.sum() == 64


def test_tiles_leave_no_grid() -> None:
    """Tiles of quite different detail and color blend without a border."""
    rng = np.random.default_rng(0)

    def paint(job):
        return job.picture + np.float32(rng.normal(0.0, 0.2))  # every pass in a color of its own

    hole = np.ones((200, 300), bool)
    hole[:, :20] = False
    image = np.full((200, 300, 3), 0.5, np.float32)
    plan = diffusion_fill.plan_fill(hole, 64, 8)
    painter = diffusion_fill.Painter(paint, 64, 8, 4, 1.0)
    result = diffusion_fill.fill_picture(painter, image, hole, plan, 0, Watch().context)
    assert len(plan.tiles) > 20
    assert max(np.abs(np.diff(result, axis=axis)).max() for axis in (0, 1)) < 0.01


def test_each_tile_sees_what_was_finished_before() -> None:
    seen = []

    def paint(job):
        if job.strength == 1.0:
            return np.full_like(job.picture, 0.5)
        seen.append(float(job.picture.std()))
        checks = (np.indices(job.hole.shape).sum(axis=0) % 2)[..., None]
        return 0 * job.picture + np.float32(0.4) + np.float32(0.2) * checks

    hole = np.ones((64, 200), bool)
    plan = diffusion_fill.plan_fill(hole, 64, 8)
    painter = diffusion_fill.Painter(paint, 64, 8, 4, 1.0)
    image = np.zeros((64, 200, 3), np.float32)
    result = diffusion_fill.fill_picture(painter, image, hole, plan, 0, Watch().context)
    assert seen[0] < 1e-6 and min(seen[1:]) > 0.02, "later tiles see the detail of earlier ones"
    np.testing.assert_allclose(result[:, 8:-8].std(), 0.1, atol=0.006)


# Seeds, prompts, progress


def test_same_seed_same_picture(models) -> None:
    inpainter = opened(models["sd"])
    image, hole = landscape(96, 128), middle_hole(96, 128)
    first, again, other = (inpainter.fill(image, hole, s, Watch().context) for s in (5, 5, 6))
    inpainter.close()
    _, fresh, _ = filled(models["sd"], size=(96, 128), seed=5)
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
    results = [filled(models[kind], prompt=p, negative_prompt=p[::-1], steps=1) for p in prompts]
    for result in results:
        check_fill(*result)
    assert (results[0][1] != results[1][1]).any(), "the prompt changes the picture"


def test_only_what_the_artist_writes_is_asked_for(models, monkeypatch) -> None:
    inpainter = opened(models["sd"])
    asked = []
    real = inpainter._pipeline.encode_prompt

    def encode(prompt, *arguments, **options):
        asked.append((prompt, arguments[3] if len(arguments) > 3 else options["negative_prompt"]))
        return real(prompt, *arguments, **options)

    monkeypatch.setattr(inpainter._pipeline, "encode_prompt", encode)
    inpainter.fill(landscape(64, 64), middle_hole(64, 64), 0, Watch().context)
    inpainter.close()
    assert asked == [("", None)]


@pytest.mark.parametrize(("steps", "strength"), [(1, 0.1), (3, 0.3), (10, 0.01), (49, 1 / 49)])
def test_at_least_one_step_is_run(models, steps, strength) -> None:
    watch = Watch()
    check_fill(*filled(models["sd"], watch=watch, steps=steps, strength=strength))
    assert watch.steps == ["step 1 of 1"]


def test_progress_and_previews(models) -> None:
    watch = Watch()
    filled(models["sd"], size=(96, 128), watch=watch, steps=10)
    fractions = [fraction for fraction, _ in watch.reports]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    total = len(watch.steps)
    assert watch.steps == [f"step {k + 1} of {total}" for k in range(total)]
    assert 3 <= len(watch.previews) < total
    image, hole = landscape(96, 128), seam.dilate(middle_hole(96, 128), diffusion_fill.GROWTH)
    for picture in watch.previews:
        assert picture.shape == (96, 128, 3) and picture.dtype == np.float32
        assert picture.min() >= 0.0 and picture.max() <= 1.0
        assert (picture[~hole] == image[~hole]).all(), "what is known is shown as it is"


def test_cancel_is_seen_within_a_step(models) -> None:
    watch = Watch(cancel_at=3)
    with pytest.raises(JobCancelled):
        filled(models["sd"], size=(96, 128), watch=watch, steps=10)
    assert len(watch.steps) == 3


def test_loading_is_reported_and_cancelled(models) -> None:
    watch = Watch()
    arguments = models["sd"], tiny.tiny_spec(), CPU, diffusion.DiffusionOptions()
    diffusion.DiffusionInpainter(*arguments, watch.context).close()
    assert watch.reports[0] == (0.0, "Loading Tiny Inpainting")
    with pytest.raises(JobCancelled):
        diffusion.DiffusionInpainter(*arguments, Watch(cancel_at=0).context)


def test_model_is_freed(models, monkeypatch) -> None:
    given_back = []
    real = devices.give_back
    monkeypatch.setattr(devices, "give_back", lambda: (given_back.append(1), real()))
    inpainter = opened(models["sd"])
    inpainter.fill(landscape(64, 64), middle_hole(64, 64), 0, Watch().context)
    networks = [weakref.ref(getattr(inpainter._pipeline, n)) for n in ("unet", "vae")]
    assert all(network() is not None for network in networks)
    inpainter.close()
    assert given_back == [1] and all(network() is None for network in networks)
    inpainter.close()
