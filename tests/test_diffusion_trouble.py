"""Diffusion inpainting when memory runs out or half precision overflows."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from make_4d.ml.common.errors import ModelError
from messages import raises_message

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
    """A CPU that pretends to be a GPU, with half precision and its own memory."""

    @property
    def dtype(self):
        return torch.float16


HALF_CPU = HalfCpu("cpu", "Half", 2**40, 2**40)


@pytest.fixture(scope="module", autouse=True)
def fast_tests() -> Iterator[None]:
    with tiny.fast_tests():
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """Folders of tiny models by kind."""
    base = tmp_path_factory.mktemp("models")
    return {name: tiny.save_tiny_sd(base / name, **kind) for name, kind in KINDS.items()}


def gpu(free_gigabytes: float) -> devices.Device:
    return devices.Device("cuda", "Card", int(free_gigabytes * GIGABYTE), 24 * GIGABYTE)


def test_plan_follows_free_memory() -> None:
    spec = tiny.tiny_spec(native_size=512, memory_mb=4096)
    native = 512 * 512
    plans = [memory_plan.plan_for(spec, gpu(g), native) for g in (24, 4.0, 3.2, 1.0)]
    assert plans == [0, 1, 2, 3]
    by_size = [memory_plan.plan_for(spec, gpu(8), n * native) for n in (1, 2.56, 8, 16)]
    assert by_size == sorted(by_size) and by_size[0] == 0 and by_size[-1] == 3
    assert memory_plan.plan_for(spec, gpu(6), native, single_precision=True) > 0
    assert memory_plan.plan_for(spec, gpu(6), native, single_precision=False) == 0


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_shared_memory_is_never_offloaded(kind) -> None:
    device = devices.Device(kind, "Shared", 0, GIGABYTE)
    assert memory_plan.plan_for(tiny.tiny_spec(), device, 64 * 64) == memory_plan.SLICED


@pytest.fixture
def offload_to_cpu(monkeypatch) -> None:
    """Let layers be offloaded from the CPU to the CPU, which has no index as GPUs have."""
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    original = accelerate.cpu_offload

    def offload(network, device, **options):
        return original(network, torch.device(device.type), **options)

    monkeypatch.setattr(accelerate, "cpu_offload", offload)


@pytest.mark.usefixtures("offload_to_cpu")
@pytest.mark.parametrize("kind", ["sd", "sdxl"])
@pytest.mark.parametrize("plan", [1, 2, 3])
def test_all_plans_give_the_same_image(models, kind, plan, monkeypatch) -> None:
    """Sliced and offloaded networks compute the same as whole ones; offloading is to the CPU
    here."""
    image, expected, hole = parts.fill_landscape(models[kind], SIZE)
    monkeypatch.setattr(diffusion, "plan_for", lambda *_: plan)
    inpainter = parts.open_inpainter(models[kind])
    network = weakref.ref(inpainter._pipeline.unet)
    result = inpainter.fill(image, hole, 3, parts.ProgressRecorder().context)
    inpainter.close()
    np.testing.assert_allclose(result, expected, atol=1e-4)
    assert network() is None


def fail_with_out_of_memory(inpainter, monkeypatch, times: int) -> list[int]:
    """Let the pipeline run out of memory `times` times; return the plans it was called with."""
    original, plans = diffusion.run_pass, []

    def run(*arguments):
        plans.append(inpainter._applied_plan)
        if len(plans) <= times:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return original(*arguments)

    monkeypatch.setattr(diffusion, "run_pass", run)
    return plans


def test_out_of_memory_once_uses_the_next_plan(models, monkeypatch) -> None:
    _, expected, hole = parts.fill_landscape(models["sd"], SIZE)
    inpainter = parts.open_inpainter(models["sd"])
    plans = fail_with_out_of_memory(inpainter, monkeypatch, 1)
    result = inpainter.fill(parts.landscape(*SIZE), hole, 3, parts.ProgressRecorder().context)
    inpainter.close()
    assert plans == [0, 1]
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_persistent_out_of_memory_is_an_error(models, monkeypatch) -> None:
    inpainter = parts.open_inpainter(models["sd"])
    plans = fail_with_out_of_memory(inpainter, monkeypatch, 99)
    with raises_message(ModelError, diffusion.OUT_OF_MEMORY_CPU):
        inpainter.fill(
            parts.landscape(*SIZE), parts.centered_hole(*SIZE), 3, parts.ProgressRecorder().context
        )
    inpainter.close()
    assert plans == [0, 1]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("MPS backend out of memory")])
@pytest.mark.parametrize("times", [1, 2])
def test_out_of_memory_while_loading(models, monkeypatch, error, times) -> None:
    original, plans = diffusion.apply_plan, []

    def apply_plan(pipeline, plan, device):
        plans.append(plan)
        if len(plans) <= times:
            raise error
        original(pipeline, plan, device)

    monkeypatch.setattr(diffusion, "apply_plan", apply_plan)
    if times == 1:
        parts.open_inpainter(models["sd"]).close()
    else:
        with raises_message(ModelError, diffusion.OUT_OF_MEMORY_CPU):
            parts.open_inpainter(models["sd"])
    assert plans == [0, 1]


def test_loading_switches_to_offloading_at_once() -> None:
    assert memory_plan.next_plan(0, gpu(8), loading=True) == memory_plan.MODEL_OFFLOAD
    assert memory_plan.next_plan(0, gpu(8), loading=False) == memory_plan.SLICED
    assert memory_plan.next_plan(3, gpu(8), loading=False) == memory_plan.LAYER_OFFLOAD


# Half precision


def test_half_precision_is_close_to_single(models) -> None:
    _, single, hole = parts.fill_landscape(models["sd"])
    _, half, _ = parts.fill_landscape(models["sd"], device=HALF_CPU)
    assert 0.0 < np.abs(single - half)[hole].mean() < 0.05


def replace_result(monkeypatch, inpainter, name: str, value: float, dtypes) -> list:
    """Let a network's method return one value in these precisions; return those it ran in."""
    network_name, _, method = name.partition(".")
    network = getattr(inpainter._pipeline, network_name)
    original, used_dtypes = getattr(network, method), []

    def run(*arguments, **options):
        used_dtypes.append(network.dtype)
        result = original(*arguments, **options)
        if network.dtype in dtypes:
            first = result[0] if isinstance(result, tuple) else result.sample
            first.fill_(value)
        return result

    monkeypatch.setattr(network, method, run)
    return used_dtypes


@pytest.mark.usefixtures("offload_to_cpu")
@pytest.mark.parametrize("plan", [0, 2, 3])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_overflowing_autoencoder_is_run_in_single_precision(
    models, monkeypatch, value, plan
) -> None:
    monkeypatch.setattr(diffusion, "plan_for", lambda *_: plan)
    inpainter = parts.open_inpainter(models["sd"], device=HALF_CPU)
    used_dtypes = replace_result(monkeypatch, inpainter, "vae.decode", value, [torch.float16])
    image, hole = parts.landscape(*SIZE), parts.centered_hole(*SIZE)
    for _ in range(2):
        parts.check_fill(
            image, inpainter.fill(image, hole, 0, parts.ProgressRecorder().context), hole
        )
    assert used_dtypes == [torch.float16, torch.float32, torch.float32]
    assert inpainter._pipeline.unet.dtype == torch.float16
    inpainter.close()


def test_network_that_overflows_is_run_in_single(models, monkeypatch) -> None:
    inpainter = parts.open_inpainter(models["sd"], device=HALF_CPU)
    used_dtypes = replace_result(
        monkeypatch, inpainter, "unet.forward", float("nan"), [torch.float16]
    )
    image, hole = parts.landscape(*SIZE), parts.centered_hole(*SIZE)
    parts.check_fill(image, inpainter.fill(image, hole, 0, parts.ProgressRecorder().context), hole)
    assert used_dtypes == [torch.float16] * 4 + [torch.float32] * 4
    inpainter.close()


@pytest.mark.parametrize("device", [parts.CPU, HALF_CPU])
def test_overflow_in_single_precision_is_an_error(models, monkeypatch, device) -> None:
    inpainter = parts.open_inpainter(models["sd"], device=device)
    both = [torch.float16, torch.float32]
    replace_result(monkeypatch, inpainter, "vae.decode", float("nan"), both)
    with raises_message(ModelError, diffusion.UNUSABLE_RESULT):
        inpainter.fill(
            parts.landscape(*SIZE), parts.centered_hole(*SIZE), 0, parts.ProgressRecorder().context
        )
    inpainter.close()


def test_black_photo_may_stay_black(models, monkeypatch) -> None:
    inpainter = parts.open_inpainter(models["sd"], device=HALF_CPU)
    used_dtypes = replace_result(monkeypatch, inpainter, "vae.decode", -1.0, [torch.float16])
    black, hole = np.zeros((*SIZE, 3), np.float32), parts.centered_hole(*SIZE)
    assert (inpainter.fill(black, hole, 0, parts.ProgressRecorder().context) == 0.0).all()
    assert used_dtypes == [torch.float16]
    inpainter.close()


def test_sdxl_autoencoder_runs_in_single_precision(models) -> None:
    inpainter = parts.open_inpainter(models["sdxl"], device=HALF_CPU)
    pipeline = inpainter._pipeline
    assert (pipeline.vae.dtype, pipeline.unet.dtype) == (torch.float32, torch.float16)
    image, hole = parts.landscape(*SIZE), parts.centered_hole(*SIZE)
    parts.check_fill(image, inpainter.fill(image, hole, 0, parts.ProgressRecorder().context), hole)
    inpainter.close()
