"""The paper's networks compared with the authors' modules, and checkpoints good and bad."""

from __future__ import annotations

import json
import math
import pickle
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from messages import is_message

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
safetensors_torch = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
feature_net = import_module("make_4d.ml.networks.feature_net")
image_decoder = import_module("make_4d.ml.networks.image_decoder")
checkpoint = import_module("make_4d.ml.networks.checkpoint")
errors = import_module("make_4d.ml.common.errors")
ModelError, no_checkpoint = errors.ModelError, errors.no_checkpoint

DATA = Path(__file__).parent / "data" / "networks"
SHAPES = json.loads((DATA / "state_dict_shapes.json").read_text(encoding="utf-8"))
KINDS = {"feature_net": feature_net.FeatureNet, "img_decoder": image_decoder.ImageDecoder}
AGREEMENT = 1e-4


def formula_weights(shapes):
    """The golden data's weights: sines of the element's and the key's index, scaled by the
    fan-in."""
    result = {}
    for index, key in enumerate(sorted(shapes)):
        shape = shapes[key]
        a = np.arange(math.prod(shape), dtype=np.float64)
        u = np.sin(12.9898 * a + 78.233 * index) * 43758.5453
        u = 2.0 * (u - np.floor(u)) - 1.0
        if len(shape) >= 2:
            u *= math.sqrt(2.0 / math.prod(shape[1:])) * math.sqrt(3.0)
        else:
            u = 0.1 * u + (1.0 if key.endswith("weight") or key == "alpha" else 0.0)
        result[key] = torch.from_numpy(u.astype(np.float32).reshape(shape))
    return {key: result[key] for key in shapes}


@pytest.fixture(scope="module")
def weights():
    return {name: formula_weights(shapes) for name, shapes in SHAPES.items()}


@pytest.fixture(scope="module")
def networks(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "model.pth"
    torch.save(weights | {"optimizer": {"state": {}, "step": 250000}}, path)
    return checkpoint.load_networks(path)


@pytest.fixture(scope="module")
def golden():
    with np.load(DATA / "neural_golden.npz") as stored:
        return {name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored}


def two_images(rng, height, width):
    """Two splatted images: 37 random channels, with alpha zero in places."""
    images = rng.random((2, 1, 37, height, width), dtype=np.float32)
    images[:, :, 3] *= rng.random((2, 1, height, width)) > 0.3
    return torch.from_numpy(images[0]), torch.from_numpy(images[1])


def difference(first, second):
    return float((first - second).abs().max())


def test_features_match_the_authors(networks, golden):
    result = networks.features(golden["feature_in"])
    assert result.shape == golden["feature_out"].shape
    assert difference(result, golden["feature_out"]) < AGREEMENT


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_images_match_the_authors(networks, golden, order):
    inputs = (golden[f"decoder_in{i}"].contiguous(memory_format=order) for i in (0, 1))
    result = networks.decoder(*inputs, float(golden["time"]))
    assert result.shape == golden["decoder_out"].shape
    assert difference(result, golden["decoder_out"]) < AGREEMENT


@pytest.mark.parametrize("name", KINDS)
def test_weights_match_the_checkpoint(name):
    with torch.device("meta"):
        state = KINDS[name]().state_dict()
    assert [(key, list(value.shape)) for key, value in state.items()] == list(SHAPES[name].items())


def test_networks_are_for_inference_only(networks):
    for network in (networks.features, networks.decoder):
        assert not network.training
        for weight in network.parameters():
            assert not weight.requires_grad and weight.dtype == torch.float32
            assert weight.device.type == "cpu"


def plain_blend(first, second, phase, alpha):
    """Blend two images (37, H, W) pixel by pixel."""
    result = np.zeros_like(first)
    for row, column in np.ndindex(first.shape[1:]):
        first_pixel, second_pixel = first[:, row, column], second[:, row, column]
        weight = (1.0 - phase) * math.exp(alpha * first_pixel[36]) * first_pixel[3]
        second_weight = phase * math.exp(alpha * second_pixel[36]) * second_pixel[3]
        result[:, row, column] = (weight * first_pixel + second_weight * second_pixel) / max(
            weight + second_weight, 1e-6
        )
    return result


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 1.0])
def test_blend(networks, rng, phase):
    first, second = two_images(rng, 9, 11)
    result = networks.decoder.blend(first, second, phase)[0].numpy()
    alpha = float(networks.decoder.alpha)
    assert abs(alpha - 1.0) > 1e-3  # so that the test sees whether it is used
    expected = plain_blend(*(image[0].double().numpy() for image in (first, second)), phase, alpha)
    assert np.abs(result - expected).max() < 1e-5


@pytest.mark.parametrize("phase", [0.0, 1.0])
def test_ends_of_the_phase_use_one_image(networks, rng, phase):
    first, second = two_images(rng, 32, 48)
    visible = second if phase else first
    result = networks.decoder(first, second, phase)
    assert torch.equal(result, networks.decoder(visible, visible, phase))
    assert difference(result, networks.decoder(first, second, 1.0 - phase)) > 0.01


@pytest.mark.parametrize("phase", [0.0, 0.5, 1.0])
def test_empty_images(networks, rng, phase):
    first, second = two_images(rng, 32, 32)
    first[:, 3] = second[:, 3] = 0.0
    assert not networks.decoder.blend(first, second, phase).any()
    assert networks.decoder(first, second, phase).isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (31, 17), (33, 64)])
def test_sizes(networks, rng, height, width):
    first, second = two_images(rng, height, width)
    picture = networks.decoder(first, second, 0.5)
    assert picture.shape == (1, 3, height, width)
    assert picture.min() >= 0 and picture.max() <= 1  # and none is NaN
    features = networks.features(first[:, :4])
    assert features.shape == (1, 32, math.ceil(height / 4), math.ceil(width / 4))
    assert features.isfinite().all()


def test_features_of_other_sizes_use_mirrored_padding(networks, rng):
    image = rng.random((1, 4, 37, 90), dtype=np.float32)
    padded = np.pad(image, ((0, 0), (0, 0), (0, 11), (0, 6)), mode="reflect")
    expected = networks.features(torch.from_numpy(padded))[..., :10, :23]
    assert torch.equal(networks.features(torch.from_numpy(image)), expected)


def test_images_of_other_sizes_use_mirrored_padding(networks, rng):
    first, second = two_images(rng, 37, 90)
    mirror = {"pad": (3, 3, 5, 6), "mode": "reflect"}
    padded = (torch.nn.functional.pad(image, **mirror) for image in (first, second))
    expected = networks.decoder(*padded, 0.3)[..., 5:42, 3:93]
    assert difference(networks.decoder(first, second, 0.3), expected) < 1e-5


def test_images_of_a_batch_are_independent(networks, rng):
    images = [two_images(rng, 32, 32) for _ in range(2)]
    together = networks.decoder(*(torch.cat(pair) for pair in zip(*images, strict=True)), 0.5)
    separate = torch.cat([networks.decoder(*pair, 0.5) for pair in images])
    assert difference(together, separate) < 1e-5


def prefixed(weights):
    return {part: {f"module.{key}": state[key] for key in state} for part, state in weights.items()}


def save_safetensors(weights, path):
    flat = {
        f"{name}.{key}": value for name, state in weights.items() for key, value in state.items()
    }
    safetensors_torch.save_file(flat | {"other.weight": torch.zeros(3)}, path)


def save_old_format(weights, path):
    torch.save(weights, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("name", "change", "save"),
    [
        ("old.pth", dict, save_old_format),
        ("prefixed.pth", prefixed, torch.save),
        ("hub.safetensors", dict, save_safetensors),
        ("prefixed.SAFETENSORS", prefixed, save_safetensors),
    ],
)
def test_checkpoint_formats(weights, tmp_path, name, change, save):
    save(change(weights), tmp_path / name)
    result = checkpoint.load_networks(tmp_path / name)
    for part, network in (("feature_net", result.features), ("img_decoder", result.decoder)):
        state = network.state_dict()
        assert all(torch.equal(state[key], value) for key, value in weights[part].items())


def constant_weights():
    """Weights of the right shapes that take no space in a file, because each repeats one number."""
    return {
        part: {key: torch.full((), 0.5).expand(shape) for key, shape in shapes.items()}
        for part, shapes in SHAPES.items()
    }


def rejection(path):
    """Return the error with which a checkpoint is rejected; its message must be a single
    sentence."""
    with pytest.raises(ModelError) as caught:
        checkpoint.load_networks(path)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and "Models" in text
    return caught.value


def test_half_precision_is_converted_to_single(tmp_path):
    parts = constant_weights().items()
    half = {part: {key: weight.half() for key, weight in state.items()} for part, state in parts}
    torch.save(half, tmp_path / "half.pth")
    alpha = checkpoint.load_networks(tmp_path / "half.pth").decoder.alpha
    assert alpha.dtype == torch.float32 and alpha == 0.5


@pytest.mark.parametrize(
    ("part", "key", "value", "problem"),
    [
        (
            "feature_net",
            "layer2.0.conv1.weight",
            torch.zeros(128, 64, 1, 1),
            checkpoint.WRONG_SHAPE,
        ),
        ("img_decoder", "up1.conv.double_conv1.0.bias", None, checkpoint.MISSING),
        ("img_decoder", "outc.conv.bias", torch.tensor([0.0, np.nan, 0.0]), checkpoint.NOT_FINITE),
        ("img_decoder", "alpha", torch.tensor(np.inf), checkpoint.NOT_FINITE),
        ("feature_net", "bn1.weight", torch.ones(64, dtype=torch.int64), checkpoint.NOT_NUMBERS),
        ("feature_net", "bn1.weight", torch.ones(64, device="meta"), checkpoint.NOT_NUMBERS),
        ("feature_net", "bn1.weight", [1.0] * 64, checkpoint.NOT_NUMBERS),
        (
            "feature_net",
            "layer4.0.conv1.weight",
            torch.zeros(512, 256, 3, 3),
            checkpoint.UNKNOWN_WEIGHT,
        ),
    ],
)
def test_mismatched_weights(tmp_path, part, key, value, problem):
    weights = constant_weights()
    changed = weights[part] | {key: value}
    weights[part] = {key: weight for key, weight in changed.items() if weight is not None}
    torch.save(weights, tmp_path / "model.pth")
    error = rejection(tmp_path / "model.pth")
    assert is_message(error, checkpoint.MISMATCH, network=part)
    values = {"shape": (128, 64, 1, 1)} if problem == checkpoint.WRONG_SHAPE else {}
    assert is_message(error.message.values["problem"], problem, weight=key, **values)


def test_first_mismatched_weight_is_named(tmp_path):
    weights = constant_weights()
    for key in ("iconv3.bn.bias", "conv1.weight", "out_conv.bias"):
        weights["feature_net"][key] = torch.zeros(1)
    torch.save(weights, tmp_path / "model.pth")
    error = rejection(tmp_path / "model.pth")
    assert is_message(error, checkpoint.MISMATCH, network="feature_net")
    problem = error.message.values["problem"]
    assert is_message(problem, checkpoint.WRONG_SHAPE, weight="conv1.weight", shape=(1,))


def test_missing_file(tmp_path):
    for path in (tmp_path / "none.pth", tmp_path, Path()):  # also a folder
        assert rejection(path).message == no_checkpoint(path)


OTHERS = [
    {},
    [torch.zeros(2)],
    torch.zeros(2),
    {"feature_net": {}},
    {"img_decoder": torch.zeros(1)},
]


@pytest.mark.parametrize("content", OTHERS)
def test_other_pytorch_files(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    assert rejection(tmp_path / "other.pth").message.values["file"] == "other.pth"


@pytest.mark.parametrize("part", SHAPES)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_checkpoint_without_a_network(weights, tmp_path, part, suffix):
    path = tmp_path / f"half{suffix}"
    second_pixel = next(name for name in SHAPES if name != part)
    save = torch.save if suffix == ".pth" else save_safetensors
    save({second_pixel: weights[second_pixel]}, path)
    assert is_message(rejection(path), checkpoint.NOT_A_CHECKPOINT, network=part)


@pytest.mark.parametrize("save", [torch.save, save_old_format, save_safetensors])
@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.5, 0.999])
def test_truncated_files(tmp_path, save, fraction):
    path = tmp_path / ("a.safetensors" if save is save_safetensors else "a.pth")
    save({"feature_net": {"a": torch.rand(1000)}, "img_decoder": {"b": torch.rand(1000)}}, path)
    path.write_bytes(path.read_bytes()[: int(fraction * path.stat().st_size)])
    assert is_message(rejection(path), checkpoint.DAMAGED)


def test_out_of_memory(tmp_path, monkeypatch):
    path = tmp_path / "model.pth"
    torch.save(constant_weights(), path)

    def fail(*_args, **_kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Module, "to", fail)
        assert is_message(rejection(path), checkpoint.OUT_OF_MEMORY)
    monkeypatch.setattr(torch, "load", fail)
    assert is_message(rejection(path), checkpoint.TOO_LARGE)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_garbage_is_rejected(tmp_path, rng, suffix):
    path = tmp_path / f"noise{suffix}"
    noise = [rng.bytes(size) for size in (1, 7, 64, 5000) for _ in range(5)]
    for content in (b"<!DOCTYPE html><html>Sign in to download", *noise):
        path.write_bytes(content)
        rejection(path)


class Trap:
    """Once pickled, it creates a file when it is read."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return Path.touch, (self.witness,)


def pickled(protocol):
    return lambda content, path: path.write_bytes(pickle.dumps(content, protocol=protocol))


SAVERS = [torch.save, save_old_format, *(pickled(protocol) for protocol in (0, 2, 4, 5))]


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("position", ["alone", "inside"])
def test_code_in_a_pickle_never_runs(tmp_path, save, position):
    witness, path = tmp_path / "witness", tmp_path / "model.pth"
    trap = Trap(witness)
    save(trap if position == "alone" else {"feature_net": {}, "other": trap}, path)
    pickle.loads(pickle.dumps(trap))
    assert witness.exists()  # the trap works
    witness.unlink()
    error = rejection(path)
    assert not witness.exists()
    is_unsafe = is_message(error, checkpoint.CONTAINS_CODE)
    assert is_unsafe or save not in (torch.save, save_old_format)
