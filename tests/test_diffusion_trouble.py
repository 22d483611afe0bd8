"""Diffusion inpainting when memory runs out, or half precision overflows."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from make_4d.ml.common.errors import ModelError

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
tiny = import_module("tiny_diffusion")
devices = import_module("make_4d.ml.models.device")
diffusion = import_module("make_4d.ml.pretrained.diffusion")
memory_plan = import_module("make_4d.ml.pretrained.memory_plan")
parts = import_module("test_diffusion")

KINDS = {"sd": {}, "sdxl": {"sdxl": True}}
GIGABYTE = 2**30
SIZE = (64, 64)


class HalfCpu(devices.Device):
    """A CPU that pretends to be a GPU: half precision, memory of its own."""

    @property
    def dtype(self):
        return torch.float16


HALF_CPU = HalfCpu("cpu", "Half", 2**40, 2**40)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with tiny.quick():
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """Folders of tiny models by kind."""
    base = tmp_path_factory.mktemp("models")
    return {name: tiny.save_tiny_sd(base / name, **kind) for name, kind in KINDS.items()}


def card(free_gigabytes: float) -> devices.Device:
    return devices.Device("cuda", "Card", int(free_gigabytes * GIGABYTE), 24 * GIGABYTE)


def test_plan_follows_free_memory() -> None:
    spec = tiny.tiny_spec(native_size=512, memory_mb=4096)
    native = 512 * 512
    plans = [memory_plan.plan_for(spec, card(g), native) for g in (24, 4.0, 3.2, 1.0)]
    assert plans == [0, 1, 2, 3]
    by_size = [memory_plan.plan_for(spec, card(8), n * native) for n in (1, 2.56, 8, 16)]
    assert by_size == sorted(by_size) and by_size[0] == 0 and by_size[-1] == 3
    assert memory_plan.plan_for(spec, card(6), native, single=True) > 0
    assert memory_plan.plan_for(spec, card(6), native, single=False) == 0


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_nothing_is_offloaded_where_memory_is_shared(kind) -> None:
    device = devices.Device(kind, "Shared", 0, GIGABYTE)
    assert memory_plan.plan_for(tiny.tiny_spec(), device, 64 * 64) == memory_plan.SLICED


@pytest.fixture
def offload_to_cpu(monkeypatch) -> None:
    """Let layers be offloaded from the CPU to the CPU, which has no number as GPUs have."""
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    real = accelerate.cpu_offload

    def offload(network, device, **options):
        return real(network, torch.device(device.type), **options)

    monkeypatch.setattr(accelerate, "cpu_offload", offload)


@pytest.mark.usefixtures("offload_to_cpu")
@pytest.mark.parametrize("kind", ["sd", "sdxl"])
@pytest.mark.parametrize("plan", [1, 2, 3])
def test_plans_paint_the_same_picture(models, kind, plan, monkeypatch) -> None:
    """Sliced and offloaded networks compute what whole ones do; offloading is to the CPU here."""
    image, expected, hole = parts.filled(models[kind], SIZE)
    monkeypatch.setattr(diffusion, "plan_for", lambda *_: plan)
    inpainter = parts.opened(models[kind])
    network = weakref.ref(inpainter._pipeline.unet)
    result = inpainter.fill(image, hole, 3, parts.Watch().context)
    inpainter.close()
    np.testing.assert_allclose(result, expected, atol=1e-4)
    assert network() is None


def failing(inpainter, monkeypatch, times: int) -> list[int]:
    """Let the pipeline run out of memory so many times; returns the plans it was called by."""
    real, plans = diffusion.run_pass, []

    def run(*arguments):
        plans.append(inpainter._placed)
        if len(plans) <= times:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(*arguments)

    monkeypatch.setattr(diffusion, "run_pass", run)
    return plans


def test_out_of_memory_once_goes_a_step_down(models, monkeypatch) -> None:
    _, expected, hole = parts.filled(models["sd"], SIZE)
    inpainter = parts.opened(models["sd"])
    plans = failing(inpainter, monkeypatch, 1)
    result = inpainter.fill(parts.landscape(*SIZE), hole, 3, parts.Watch().context)
    inpainter.close()
    assert plans == [0, 1]
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_out_of_memory_always_is_one_sentence(models, monkeypatch) -> None:
    inpainter = parts.opened(models["sd"])
    plans = failing(inpainter, monkeypatch, 99)
    with pytest.raises(ModelError, match="choose a smaller Size, or a smaller model in the Models"):
        inpainter.fill(parts.landscape(*SIZE), parts.middle_hole(*SIZE), 3, parts.Watch().context)
    inpainter.close()
    assert plans == [0, 1]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("MPS backend out of memory")])
@pytest.mark.parametrize("times", [1, 2])
def test_out_of_memory_while_loading(models, monkeypatch, error, times) -> None:
    real, plans = diffusion.place, []

    def place(pipeline, plan, device):
        plans.append(plan)
        if len(plans) <= times:
            raise error
        real(pipeline, plan, device)

    monkeypatch.setattr(diffusion, "place", place)
    if times == 1:
        parts.opened(models["sd"]).close()
    else:
        with pytest.raises(ModelError, match="not enough memory"):
            parts.opened(models["sd"])
    assert plans == [0, 1]


def test_loading_goes_to_offloading_at_once() -> None:
    assert memory_plan.next_plan(0, card(8), loading=True) == memory_plan.MODEL_OFFLOAD
    assert memory_plan.next_plan(0, card(8), loading=False) == memory_plan.SLICED
    assert memory_plan.next_plan(3, card(8), loading=False) == memory_plan.LAYER_OFFLOAD


# Half precision


def test_half_precision_is_used_and_close_to_single(models) -> None:
    _, single, hole = parts.filled(models["sd"])
    _, half, _ = parts.filled(models["sd"], device=HALF_CPU)
    assert 0.0 < np.abs(single - half)[hole].mean() < 0.05


def spoil(monkeypatch, inpainter, name: str, value: float, dtypes) -> list:
    """Let a network's method give one value in these precisions; returns those it ran in."""
    part, _, method = name.partition(".")
    network = getattr(inpainter._pipeline, part)
    real, ran = getattr(network, method), []

    def run(*arguments, **options):
        ran.append(network.dtype)
        result = real(*arguments, **options)
        if network.dtype in dtypes:
            first = result[0] if isinstance(result, tuple) else result.sample
            first.fill_(value)
        return result

    monkeypatch.setattr(network, method, run)
    return ran


@pytest.mark.usefixtures("offload_to_cpu")
@pytest.mark.parametrize("plan", [0, 2, 3])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_autoencoder_that_overflows_is_run_in_single(models, monkeypatch, value, plan) -> None:
    monkeypatch.setattr(diffusion, "plan_for", lambda *_: plan)
    inpainter = parts.opened(models["sd"], device=HALF_CPU)
    ran = spoil(monkeypatch, inpainter, "vae.decode", value, [torch.float16])
    image, hole = parts.landscape(*SIZE), parts.middle_hole(*SIZE)
    for _ in range(2):
        parts.check_fill(image, inpainter.fill(image, hole, 0, parts.Watch().context), hole)
    assert ran == [torch.float16, torch.float32, torch.float32]
    assert inpainter._pipeline.unet.dtype == torch.float16
    inpainter.close()


def test_network_that_overflows_is_run_in_single(models, monkeypatch) -> None:
    inpainter = parts.opened(models["sd"], device=HALF_CPU)
    ran = spoil(monkeypatch, inpainter, "unet.forward", float("nan"), [torch.float16])
    image, hole = parts.landscape(*SIZE), parts.middle_hole(*SIZE)
    parts.check_fill(image, inpainter.fill(image, hole, 0, parts.Watch().context), hole)
    assert ran == [torch.float16] * 4 + [torch.float32] * 4
    inpainter.close()


@pytest.mark.parametrize("device", [parts.CPU, HALF_CPU])
def test_overflow_in_single_too_is_one_sentence(models, monkeypatch, device) -> None:
    inpainter = parts.opened(models["sd"], device=device)
    both = [torch.float16, torch.float32]
    spoil(monkeypatch, inpainter, "vae.decode", float("nan"), both)
    with pytest.raises(ModelError, match="gives no usable picture"):
        inpainter.fill(parts.landscape(*SIZE), parts.middle_hole(*SIZE), 0, parts.Watch().context)
    inpainter.close()


def test_black_photo_may_stay_black(models, monkeypatch) -> None:
    inpainter = parts.opened(models["sd"], device=HALF_CPU)
    ran = spoil(monkeypatch, inpainter, "vae.decode", -1.0, [torch.float16])
    black, hole = np.zeros((*SIZE, 3), np.float32), parts.middle_hole(*SIZE)
    assert (inpainter.fill(black, hole, 0, parts.Watch().context) == 0.0).all()
    assert ran == [torch.float16]
    inpainter.close()


def test_sdxls_autoencoder_runs_in_single(models) -> None:
    inpainter = parts.opened(models["sdxl"], device=HALF_CPU)
    pipeline = inpainter._pipeline
    assert (pipeline.vae.dtype, pipeline.unet.dtype) == (torch.float32, torch.float16)
    image, hole = parts.landscape(*SIZE), parts.middle_hole(*SIZE)
    parts.check_fill(image, inpainter.fill(image, hole, 0, parts.Watch().context), hole)
    inpainter.close()
