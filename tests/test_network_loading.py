"""Loading and running networks of transformers: damaged files, low memory, overflow, canceling."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import socket
import weakref
from importlib import import_module

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_transformers as tiny
from make_4d.ml.common.context import JobCancelled
from make_4d.ml.common.errors import ModelError
from make_4d.ml.models.device import Device, describe
from make_4d.ml.pretrained import loading
from make_4d.ml.pretrained.depth import DepthModel
from make_4d.ml.pretrained.segmentation import SegmentationModel
from messages import is_message, raises_message
from safetensors.torch import load_file, save_file
from single_thread import one_thread  # noqa: F401 - pytest finds it here

UNUSED = "neck.fusion_stage.layers.0.residual_layer1."


class HalfDevice(Device):
    """The CPU, in half precision like a GPU."""

    @property
    def dtype(self):
        return torch.float16


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a tiny Depth Anything."""
    return tiny.save_tiny_depth_anything(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of it that a test can damage."""
    return shutil.copytree(saved, tmp_path / "copy")


@pytest.fixture
def image(rng):
    return tiny.synthetic_image(rng, 80)[0]


def load(folder, watcher=None, device=None, kind=DepthModel, stage="depth"):
    context = (watcher or tiny.Watcher()).context
    return kind(folder, tiny.tiny_spec(stage), device or describe("cpu"), context)


def rejection(folder, kind=DepthModel, stage="depth"):
    """Return the error with which a folder is rejected; its message must be a single sentence."""
    with pytest.raises(ModelError) as caught:
        load(folder, kind=kind, stage=stage)
    message = str(caught.value)
    assert message.startswith("Tiny ") and message.endswith(".") and "\n" not in message
    assert str(folder) not in message
    return caught.value


def rewrite(folder, change):
    """Change the tensors in a folder's weights: change(tensors) -> tensors."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


# Files


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_missing_empty_and_damaged_files_are_rejected(folder, name):
    whole = (folder / name).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"<html>Not found</html>", None):
        (folder / name).unlink()
        if damaged is not None:
            (folder / name).write_bytes(damaged)
        assert is_message(rejection(folder), loading.NOT_LOADED, reason=loading.BAD_FILES)
        (folder / name).write_bytes(whole)
    load(folder)


def test_missing_folder_is_rejected(tmp_path):
    assert is_message(rejection(tmp_path / "absent"), loading.NOT_LOADED)


def test_pickles_are_never_read(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path / "sprung").touch, ()

    (folder / "model.safetensors").unlink()
    torch.save({"head.conv1.weight": Trap()}, folder / "pytorch_model.bin")
    assert is_message(rejection(folder), loading.NOT_LOADED)
    assert not (tmp_path / "sprung").exists()


def test_code_in_the_folder_is_never_run(folder, tmp_path):
    trap = tmp_path / "sprung"
    (folder / "code.py").write_text(f"open({str(trap)!r}, 'w')\nclass Model: pass\n")
    config = json.loads((folder / "config.json").read_text())
    classes = {"AutoConfig": "code.Model", "AutoModelForDepthEstimation": "code.Model"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": classes}))
    load(folder)  # the library knows the kind itself
    (folder / "config.json").write_text(
        json.dumps(config | {"auto_map": classes, "model_type": "unheard-of"})
    )
    rejection(folder)
    assert not trap.exists()


def test_missing_weights_are_rejected(folder):
    rewrite(folder, lambda tensors: {k: v for k, v in tensors.items() if k != "head.conv2.bias"})
    assert is_message(rejection(folder), loading.MISSING_WEIGHTS)


def test_unread_weights_may_be_missing(folder, image):
    before = load(folder).estimate(image, tiny.Watcher().context).disparity
    rewrite(folder, lambda tensors: {k: v for k, v in tensors.items() if UNUSED not in k})
    after = load(folder).estimate(image, tiny.Watcher().context).disparity
    assert np.array_equal(before, after)


def test_weights_of_another_shape_are_rejected(folder):
    rewrite(folder, lambda tensors: tensors | {"head.conv3.bias": torch.zeros(2)})
    rejection(folder)


def test_model_of_another_stage_is_rejected(saved, tmp_path):
    segformer = tiny.save_tiny_segformer(tmp_path / "segformer")
    wrong_stage = loading.WRONG_STAGE
    assert is_message(rejection(segformer), wrong_stage, label="Tiny", stage="Depth")
    error = rejection(saved, SegmentationModel, "motion")
    assert is_message(error, wrong_stage, stage="Motion")
    # DPT exists for both stages: only the named class distinguishes them, or else the weights.
    dpt = tiny.save_tiny_dpt(tmp_path / "dpt")
    error = rejection(dpt, SegmentationModel, "motion")
    assert is_message(error, wrong_stage, stage="Motion")
    config = json.loads((dpt / "config.json").read_text())
    (dpt / "config.json").write_text(json.dumps(config | {"architectures": None}))
    error = rejection(dpt, SegmentationModel, "motion")
    assert is_message(error, loading.NOT_LOADED)


def test_processor_that_needs_another_library_is_rejected(folder, monkeypatch):
    import_utils = import_module("transformers.utils.import_utils")
    missing = import_utils.DummyObject("CHMv2ImageProcessor", (), {"_backends": ["unknown"]})
    monkeypatch.setitem(import_utils.BACKENDS_MAPPING, "unknown", (lambda: False, "{0} needs it"))
    auto = import_module("transformers.models.auto.image_processing_auto")
    monkeypatch.setattr(auto, "get_image_processor_class_from_name", lambda name: missing)
    settings = {"image_processor_type": "CHMv2ImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    assert is_message(rejection(folder), loading.NOT_LOADED, stage="Depth")


def test_dpt_always_gets_square_input(tmp_path, rng):
    dpt = tiny.save_tiny_dpt(tmp_path / "dpt")
    settings = json.loads((dpt / "preprocessor_config.json").read_text())
    changed = settings | {"keep_aspect_ratio": True, "ensure_multiple_of": 16}
    (dpt / "preprocessor_config.json").write_text(json.dumps(changed))
    image = rng.random((60, 130, 3), np.float32)
    assert load(dpt).estimate(image, tiny.Watcher().context).disparity.shape == (60, 130)


def test_no_socket_is_opened(saved, monkeypatch, image):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    load(saved).estimate(image, tiny.Watcher().context)


def test_library_prints_nothing(folder, capfd, image):
    rewrite(folder, lambda tensors: {k: v for k, v in tensors.items() if UNUSED not in k})
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    level = transformers.logging.get_verbosity()
    library = logging.getLogger("transformers")
    library.addHandler(handler)
    try:
        load(folder).estimate(image, tiny.Watcher().context)
    finally:
        library.removeHandler(handler)
    assert not records and capfd.readouterr() == ("", "")
    assert transformers.logging.get_verbosity() == level
    assert transformers.logging.is_progress_bar_enabled()


# Running


def failing_hook(times, error):
    """Return a hook that fails the first passes, and the list of input shapes."""
    shapes: list[tuple[int, ...]] = []

    def hook(_module, _inputs, named):
        shapes.append(tuple(named["pixel_values"].shape[2:]))
        if len(shapes) <= times:
            raise type(error)(*error.args)  # a new one, because it references its frames

    return hook, shapes


def with_hook(model, hook):
    model._network._model.register_forward_pre_hook(hook, with_kwargs=True)
    return model


def test_out_of_memory_is_retried_with_a_smaller_image(saved, image):
    hook, shapes = failing_hook(1, MemoryError())
    watcher = tiny.Watcher()
    result = with_hook(load(saved), hook).estimate(image, watcher.context)
    assert shapes == [(64, 64), (32, 32)]
    assert is_message(watcher.details(), loading.SMALLER_IMAGE)
    assert result.disparity.shape == image.shape[:2]


def test_out_of_memory_twice_is_an_error(saved, image):
    watcher = tiny.Watcher()
    hook, shapes = failing_hook(9, RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    with raises_message(ModelError, loading.OUT_OF_MEMORY, label="Tiny", stage="Depth"):
        with_hook(load(saved), hook).estimate(image, watcher.context)
    assert len(shapes) == 2 and watcher.details().count(loading.SMALLER_IMAGE) == 1


def test_fixed_size_network_is_not_retried(tmp_path, image):
    hook, shapes = failing_hook(9, MemoryError())
    model = with_hook(load(tiny.save_tiny_dpt(tmp_path / "hybrid", hybrid=True)), hook)
    with raises_message(ModelError, loading.OUT_OF_MEMORY):
        model.estimate(image, tiny.Watcher().context)
    assert len(shapes) == 1


def test_full_gpu_falls_back_to_the_cpu(saved, image, monkeypatch):
    original_to = torch.nn.Module.to

    def full_gpu(module, *where):
        if where[0] == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original_to(module, *where)

    monkeypatch.setattr(torch.nn.Module, "to", full_gpu)
    watcher = tiny.Watcher()
    model = load(saved, watcher, Device("cuda", "Little GPU", 1, 1))
    assert is_message(watcher.details(), loading.FALLBACK_TO_CPU, device="Little GPU")
    assert model._network._model.dtype == torch.float32
    result = model.estimate(image, watcher.context).disparity
    expected = load(saved).estimate(image, watcher.context).disparity
    # The weights were in half precision before.
    assert np.abs(result - expected).max() < 0.01 * np.ptp(expected)


def test_failing_device_is_named(saved, monkeypatch):
    def failing_to(_module, *_where):
        raise RuntimeError("CUDA error: no kernel image is available")

    monkeypatch.setattr(torch.nn.Module, "to", failing_to)
    with raises_message(ModelError, loading.DEVICE_FAILED, label="Tiny", device="Old GPU"):
        load(saved, device=Device("cuda", "Old GPU", 1, 1))


def test_overflow_is_repeated_in_full_precision(folder, image):
    scales = {"head.conv3.weight": 3e3, "head.conv3.bias": 3e3}
    single_precision = load(folder).estimate(image, tiny.Watcher().context).disparity
    rewrite(folder, lambda t: {k: v * scales.get(k, 1) for k, v in t.items()})
    rewrite(folder, lambda t: {k: v * (1e2 if "head.conv2" in k else 1) for k, v in t.items()})
    watcher = tiny.Watcher()
    device = HalfDevice("cpu", "Half", 1, 1)
    result = load(folder, watcher, device).estimate(image, watcher.context).disparity
    assert is_message(watcher.details(), loading.FULL_PRECISION)
    assert np.isfinite(result).all() and result.max() > 65504
    assert np.corrcoef(result.ravel(), single_precision.ravel())[0, 1] > 0.9


def test_finite_half_precision_is_not_repeated(saved, image):
    watcher = tiny.Watcher()
    device = HalfDevice("cpu", "Half", 1, 1)
    result = load(saved, watcher, device).estimate(image, watcher.context).disparity
    assert not is_message(watcher.details(), loading.FULL_PRECISION)
    single_precision = load(saved).estimate(image, watcher.context).disparity
    assert result.dtype == np.float32
    assert np.abs(result - single_precision).max() < 0.05 * np.ptp(single_precision)


def test_result_that_is_not_finite_is_rejected(folder, image):
    rewrite(folder, lambda t: t | {"head.conv3.bias": torch.full((1,), float("nan"))})
    with raises_message(ModelError, loading.NOT_FINITE, label="Tiny", stage="Depth"):
        load(folder).estimate(image, tiny.Watcher().context)


def test_other_failures_are_reported(saved, image):
    hook, shapes = failing_hook(1, RuntimeError("shape mismatch"))
    with raises_message(ModelError, loading.FAILED, label="Tiny", stage="Depth"):
        with_hook(load(saved), hook).estimate(image, tiny.Watcher().context)
    assert len(shapes) == 1


def test_cancel_is_noticed_at_every_report(saved, image):
    watcher = tiny.Watcher()
    model = load(saved, watcher)
    reports = len(watcher.reports)
    for i in range(reports):
        with pytest.raises(JobCancelled):
            load(saved, tiny.Watcher(cancel_at=i))
    watcher.reports.clear()
    model.estimate(image, watcher.context)
    for i in range(len(watcher.reports)):
        with pytest.raises(JobCancelled):
            model.estimate(image, tiny.Watcher(cancel_at=i).context)
    model.estimate(image, watcher.context)


@pytest.mark.parametrize("kind", ["depth", "motion"])
def test_close_frees_the_network(saved, tmp_path, image, kind):
    if kind == "depth":
        model = load(saved)
        model.estimate(image, tiny.Watcher().context)
    else:
        folder = tiny.save_tiny_segformer(tmp_path / "segformer")
        model = load(folder, kind=SegmentationModel, stage="motion")
        model.segment(image, tiny.Watcher().context)
    network = weakref.ref(model._network._model)
    weight = weakref.ref(next(model._network._model.parameters()))
    model.close()
    gc.collect()
    assert network() is None and weight() is None


def test_failed_run_keeps_no_memory(saved, image):
    hook, _ = failing_hook(9, MemoryError())
    model = with_hook(load(saved), hook)
    network = weakref.ref(model._network._model)
    with pytest.raises(ModelError):
        model.estimate(image, tiny.Watcher().context)
    model.close()
    gc.collect()
    assert network() is None
