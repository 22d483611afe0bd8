"""Networks of transformers: damaged files, too little memory, numbers that overflow, canceling."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import socket
import weakref

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_transformers as tiny
from make_4d.ml.common.context import JobCancelled
from make_4d.ml.common.errors import ModelError
from make_4d.ml.models.device import Device, describe
from make_4d.ml.pretrained.depth import DepthModel
from make_4d.ml.pretrained.segmentation import SegmentationModel
from safetensors.torch import load_file, save_file

UNUSED = "neck.fusion_stage.layers.0.residual_layer1."


class HalfDevice(Device):
    """The processor, in the half precision of a GPU."""

    @property
    def dtype(self):
        return torch.float16


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny networks are slower on many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a tiny Depth Anything."""
    return tiny.save_tiny_depth_anything(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of it, to be damaged."""
    return shutil.copytree(saved, tmp_path / "copy")


@pytest.fixture
def picture(rng):
    return tiny.painted(rng, 80)[0]


def load(folder, watcher=None, device=None, kind=DepthModel, stage="depth"):
    context = (watcher or tiny.Watcher()).context
    return kind(folder, tiny.tiny_spec(stage), device or describe("cpu"), context)


def refused(folder, kind=DepthModel, stage="depth"):
    """The one sentence with which a folder is refused."""
    with pytest.raises(ModelError) as caught:
        load(folder, kind=kind, stage=stage)
    message = str(caught.value)
    assert message.startswith("Tiny ") and message.endswith(".") and "\n" not in message
    assert str(folder) not in message
    return message


def rewrite(folder, change):
    """Change the tensors of a folder's weights: change(tensors) -> tensors."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


# Files


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_missing_empty_and_garbled_files_are_refused(folder, name):
    whole = (folder / name).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"<html>Not found</html>", None):
        (folder / name).unlink()
        if damaged is not None:
            (folder / name).write_bytes(damaged)
        assert "Download" in refused(folder)
        (folder / name).write_bytes(whole)
    load(folder)


def test_an_absent_folder_is_refused(tmp_path):
    assert "Download" in refused(tmp_path / "absent")


def test_a_pickle_is_never_read(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path / "sprung").touch, ()

    (folder / "model.safetensors").unlink()
    torch.save({"head.conv1.weight": Trap()}, folder / "pytorch_model.bin")
    assert "Download" in refused(folder)
    assert not (tmp_path / "sprung").exists()


def test_code_of_the_folder_is_never_run(folder, tmp_path):
    trap = tmp_path / "sprung"
    (folder / "code.py").write_text(f"open({str(trap)!r}, 'w')\nclass Model: pass\n")
    config = json.loads((folder / "config.json").read_text())
    classes = {"AutoConfig": "code.Model", "AutoModelForDepthEstimation": "code.Model"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": classes}))
    load(folder)  # the library knows the kind itself
    (folder / "config.json").write_text(
        json.dumps(config | {"auto_map": classes, "model_type": "unheard-of"})
    )
    refused(folder)
    assert not trap.exists()


def test_weights_that_are_lacking_are_refused(folder):
    rewrite(folder, lambda tensors: {k: v for k, v in tensors.items() if k != "head.conv2.bias"})
    assert "lacks weights" in refused(folder)


def test_weights_that_are_never_read_may_be_lacking(folder, picture):
    before = load(folder).estimate(picture, tiny.Watcher().context).disparity
    rewrite(folder, lambda tensors: {k: v for k, v in tensors.items() if UNUSED not in k})
    after = load(folder).estimate(picture, tiny.Watcher().context).disparity
    assert np.array_equal(before, after)


def test_weights_of_another_shape_are_refused(folder):
    rewrite(folder, lambda tensors: tensors | {"head.conv3.bias": torch.zeros(2)})
    refused(folder)


def test_a_model_of_another_stage_is_refused(saved, tmp_path):
    segformer = tiny.save_tiny_segformer(tmp_path / "segformer")
    assert refused(segformer) == "Tiny isn't a model for Depth: choose another one there."
    assert "Motion" in refused(saved, SegmentationModel, "motion")
    # DPT serves both stages: here only the named class tells, or else the weights.
    dpt = tiny.save_tiny_dpt(tmp_path / "dpt")
    assert "isn't a model for Motion" in refused(dpt, SegmentationModel, "motion")
    config = json.loads((dpt / "config.json").read_text())
    (dpt / "config.json").write_text(json.dumps(config | {"architectures": None}))
    assert "can't be loaded" in refused(dpt, SegmentationModel, "motion")


def test_a_processor_that_needs_another_library_is_refused(folder):
    settings = {"image_processor_type": "CHMv2ImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    assert "Depth" in refused(folder)


def test_dpt_is_given_squares_whatever_its_settings_say(tmp_path, rng):
    dpt = tiny.save_tiny_dpt(tmp_path / "dpt")
    settings = json.loads((dpt / "preprocessor_config.json").read_text())
    changed = settings | {"keep_aspect_ratio": True, "ensure_multiple_of": 16}
    (dpt / "preprocessor_config.json").write_text(json.dumps(changed))
    image = rng.random((60, 130, 3), np.float32)
    assert load(dpt).estimate(image, tiny.Watcher().context).disparity.shape == (60, 130)


def test_no_socket_is_opened(saved, monkeypatch, picture):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    load(saved).estimate(picture, tiny.Watcher().context)


def test_the_library_stays_silent(folder, capfd, picture):
    rewrite(folder, lambda tensors: {k: v for k, v in tensors.items() if UNUSED not in k})
    translate: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = translate.append
    level = transformers.logging.get_verbosity()
    library = logging.getLogger("transformers")
    library.addHandler(handler)
    try:
        load(folder).estimate(picture, tiny.Watcher().context)
    finally:
        library.removeHandler(handler)
    assert not translate and capfd.readouterr() == ("", "")
    assert transformers.logging.get_verbosity() == level
    assert transformers.logging.is_progress_bar_enabled()


# Running


def fail(times, error):
    """A hook that lets the first passes fail, and what shapes they were fed."""
    shapes: list[tuple[int, ...]] = []

    def hook(_module, _inputs, named):
        shapes.append(tuple(named["pixel_values"].shape[2:]))
        if len(shapes) <= times:
            raise type(error)(*error.args)  # a new one: it holds on to the frames it is raised in

    return hook, shapes


def hooked(model, hook):
    model._network._model.register_forward_pre_hook(hook, with_kwargs=True)
    return model


def test_too_little_memory_is_answered_with_a_smaller_picture(saved, picture):
    hook, shapes = fail(1, MemoryError())
    watcher = tiny.Watcher()
    found = hooked(load(saved), hook).estimate(picture, watcher.context)
    assert shapes == [(64, 64), (32, 32)]
    assert "smaller picture" in watcher.details()
    assert found.disparity.shape == picture.shape[:2]


def test_too_little_memory_twice_names_the_setting(saved, picture):
    watcher = tiny.Watcher()
    hook, shapes = fail(9, RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    with pytest.raises(ModelError, match=r"^There is too little memory for Tiny: .*Depth.*\.$"):
        hooked(load(saved), hook).estimate(picture, watcher.context)
    assert len(shapes) == 2 and watcher.details().count("once more") == 1


def test_a_network_of_one_size_is_not_tried_again(tmp_path, picture):
    hook, shapes = fail(9, MemoryError())
    model = hooked(load(tiny.save_tiny_dpt(tmp_path / "hybrid", hybrid=True)), hook)
    with pytest.raises(ModelError, match="too little memory"):
        model.estimate(picture, tiny.Watcher().context)
    assert len(shapes) == 1


def test_a_full_gpu_leaves_the_work_to_the_processor(saved, picture, monkeypatch):
    move = torch.nn.Module.to

    def full(module, *where):
        if where[0] == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return move(module, *where)

    monkeypatch.setattr(torch.nn.Module, "to", full)
    watcher = tiny.Watcher()
    model = load(saved, watcher, Device("cuda", "Little GPU", 1, 1))
    assert "Little GPU has too little memory" in watcher.details()
    assert model._network._model.dtype == torch.float32
    found = model.estimate(picture, watcher.context).disparity
    wanted = load(saved).estimate(picture, watcher.context).disparity
    assert np.abs(found - wanted).max() < 0.01 * np.ptp(wanted)  # its weights were halves


def test_a_device_that_fails_is_named(saved, monkeypatch):
    def broken(_module, *_where):
        raise RuntimeError("CUDA error: no kernel image is available")

    monkeypatch.setattr(torch.nn.Module, "to", broken)
    with pytest.raises(ModelError, match=r"^Tiny doesn't run on Old GPU: .* Device\.$"):
        load(saved, device=Device("cuda", "Old GPU", 1, 1))


def test_half_precision_that_overflows_is_repeated_in_full(folder, picture):
    grown = {"head.conv3.weight": 3e3, "head.conv3.bias": 3e3}
    plain = load(folder).estimate(picture, tiny.Watcher().context).disparity
    rewrite(folder, lambda t: {k: v * grown.get(k, 1) for k, v in t.items()})
    rewrite(folder, lambda t: {k: v * (1e2 if "head.conv2" in k else 1) for k, v in t.items()})
    watcher = tiny.Watcher()
    device = HalfDevice("cpu", "Half", 1, 1)
    found = load(folder, watcher, device).estimate(picture, watcher.context).disparity
    assert "full precision" in watcher.details()
    assert np.isfinite(found).all() and found.max() > 65504
    assert np.corrcoef(found.ravel(), plain.ravel())[0, 1] > 0.9


def test_half_precision_that_holds_is_not_repeated(saved, picture):
    watcher = tiny.Watcher()
    device = HalfDevice("cpu", "Half", 1, 1)
    found = load(saved, watcher, device).estimate(picture, watcher.context).disparity
    assert "full precision" not in watcher.details()
    plain = load(saved).estimate(picture, watcher.context).disparity
    assert found.dtype == np.float32
    assert np.abs(found - plain).max() < 0.05 * np.ptp(plain)


def test_numbers_that_are_none_are_refused(folder, picture):
    rewrite(folder, lambda t: t | {"head.conv3.bias": torch.full((1,), float("nan"))})
    with pytest.raises(ModelError, match=r"^Tiny gave no usable numbers: .* Depth\.$"):
        load(folder).estimate(picture, tiny.Watcher().context)


def test_other_failures_are_one_sentence(saved, picture):
    hook, shapes = fail(1, RuntimeError("shape mismatch"))
    with pytest.raises(ModelError, match=r"^Tiny failed on this picture: .* Depth\.$"):
        hooked(load(saved), hook).estimate(picture, tiny.Watcher().context)
    assert len(shapes) == 1


def test_cancel_is_seen_at_every_report(saved, picture):
    watcher = tiny.Watcher()
    model = load(saved, watcher)
    reports = len(watcher.translate)
    for i in range(reports):
        with pytest.raises(JobCancelled):
            load(saved, tiny.Watcher(cancel_at=i))
    watcher.translate.clear()
    model.estimate(picture, watcher.context)
    for i in range(len(watcher.translate)):
        with pytest.raises(JobCancelled):
            model.estimate(picture, tiny.Watcher(cancel_at=i).context)
    model.estimate(picture, watcher.context)


@pytest.mark.parametrize("kind", ["depth", "motion"])
def test_closing_frees_the_network(saved, tmp_path, picture, kind):
    if kind == "depth":
        model = load(saved)
        model.estimate(picture, tiny.Watcher().context)
    else:
        folder = tiny.save_tiny_segformer(tmp_path / "segformer")
        model = load(folder, kind=SegmentationModel, stage="motion")
        model.regions(picture, tiny.Watcher().context)
    network = weakref.ref(model._network._model)
    weight = weakref.ref(next(model._network._model.parameters()))
    model.close()
    gc.collect()
    assert network() is None and weight() is None


def test_a_failed_run_keeps_no_memory(saved, picture):
    hook, _ = fail(9, MemoryError())
    model = hooked(load(saved), hook)
    network = weakref.ref(model._network._model)
    with pytest.raises(ModelError):
        model.estimate(picture, tiny.Watcher().context)
    model.close()
    gc.collect()
    assert network() is None
