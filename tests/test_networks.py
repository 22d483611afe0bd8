"""The paper's networks against outputs of the authors' modules, and checkpoints good and bad."""

from __future__ import annotations

import json
import math
import pickle
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
safetensors_torch = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
feature_net = import_module("make_4d.ml.networks.feature_net")
image_decoder = import_module("make_4d.ml.networks.image_decoder")
checkpoint = import_module("make_4d.ml.networks.checkpoint")
ModelError = import_module("make_4d.ml.common.errors").ModelError

DATA = Path(__file__).parent / "data" / "networks"
SHAPES = json.loads((DATA / "state_dict_shapes.json").read_text(encoding="utf-8"))
KINDS = {"feature_net": feature_net.FeatureNet, "img_decoder": image_decoder.ImageDecoder}
AGREEMENT = 1e-4


def formula_weights(shapes):
    """The golden's weights: sines of the element's and the key's index, scaled by the fan-in."""
    found = {}
    for index, key in enumerate(sorted(shapes)):
        shape = shapes[key]
        a = np.arange(math.prod(shape), dtype=np.float64)
        u = np.sin(12.9898 * a + 78.233 * index) * 43758.5453
        u = 2.0 * (u - np.floor(u)) - 1.0
        if len(shape) >= 2:
            u *= math.sqrt(2.0 / math.prod(shape[1:])) * math.sqrt(3.0)
        else:
            u = 0.1 * u + (1.0 if key.endswith("weight") or key == "alpha" else 0.0)
        found[key] = torch.from_numpy(u.astype(np.float32).reshape(shape))
    return {key: found[key] for key in shapes}


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
    """Two splatted images: 37 random channels, alpha zero here and there."""
    images = rng.random((2, 1, 37, height, width), dtype=np.float32)
    images[:, :, 3] *= rng.random((2, 1, height, width)) > 0.3
    return torch.from_numpy(images[0]), torch.from_numpy(images[1])


def difference(one, other):
    return float((one - other).abs().max())


def test_features_agree_with_the_authors(networks, golden):
    found = networks.features(golden["feature_in"])
    assert found.shape == golden["feature_out"].shape
    assert difference(found, golden["feature_out"]) < AGREEMENT


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_pictures_agree_with_the_authors(networks, golden, order):
    inputs = (golden[f"decoder_in{i}"].contiguous(memory_format=order) for i in (0, 1))
    found = networks.decoder(*inputs, float(golden["time"]))
    assert found.shape == golden["decoder_out"].shape
    assert difference(found, golden["decoder_out"]) < AGREEMENT


@pytest.mark.parametrize("name", KINDS)
def test_weights_have_the_checkpoint_s_names_shapes_and_order(name):
    with torch.device("meta"):
        own = KINDS[name]().state_dict()
    assert [(key, list(value.shape)) for key, value in own.items()] == list(SHAPES[name].items())


def test_networks_are_for_use_only(networks):
    for network in (networks.features, networks.decoder):
        assert not network.training
        for weight in network.parameters():
            assert not weight.requires_grad and weight.dtype == torch.float32
            assert weight.device.type == "cpu"


def blended(first, second, time, alpha):
    """The blend of two images (37, H, W), a pixel after the other."""
    found = np.zeros_like(first)
    for row, column in np.ndindex(first.shape[1:]):
        one, other = first[:, row, column], second[:, row, column]
        weight = (1.0 - time) * math.exp(alpha * one[36]) * one[3]
        against = time * math.exp(alpha * other[36]) * other[3]
        found[:, row, column] = (weight * one + against * other) / max(weight + against, 1e-6)
    return found


@pytest.mark.parametrize("time", [0.0, 0.25, 0.5, 1.0])
def test_blend(networks, rng, time):
    first, second = two_images(rng, 9, 11)
    found = networks.decoder.blend(first, second, time)[0].numpy()
    alpha = float(networks.decoder.alpha)
    assert abs(alpha - 1.0) > 1e-3  # so that the test sees whether it is used
    wanted = blended(*(image[0].double().numpy() for image in (first, second)), time, alpha)
    assert np.abs(found - wanted).max() < 1e-5


@pytest.mark.parametrize("time", [0.0, 1.0])
def test_ends_of_time_show_one_image_alone(networks, rng, time):
    first, second = two_images(rng, 32, 48)
    shown = second if time else first
    found = networks.decoder(first, second, time)
    assert torch.equal(found, networks.decoder(shown, shown, time))
    assert difference(found, networks.decoder(first, second, 1.0 - time)) > 0.01


@pytest.mark.parametrize("time", [0.0, 0.5, 1.0])
def test_nothing_to_see(networks, rng, time):
    first, second = two_images(rng, 32, 32)
    first[:, 3] = second[:, 3] = 0.0
    assert not networks.decoder.blend(first, second, time).any()
    assert networks.decoder(first, second, time).isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (31, 17), (33, 64)])
def test_sizes(networks, rng, height, width):
    first, second = two_images(rng, height, width)
    picture = networks.decoder(first, second, 0.5)
    assert picture.shape == (1, 3, height, width)
    assert picture.min() >= 0 and picture.max() <= 1  # and none is NaN
    features = networks.features(first[:, :4])
    assert features.shape == (1, 32, math.ceil(height / 4), math.ceil(width / 4))
    assert features.isfinite().all()


def test_features_of_a_size_that_does_not_fit_are_of_the_mirrored_image(networks, rng):
    image = rng.random((1, 4, 37, 90), dtype=np.float32)
    outpainted = np.pad(image, ((0, 0), (0, 0), (0, 11), (0, 6)), mode="reflect")
    wanted = networks.features(torch.from_numpy(outpainted))[..., :10, :23]
    assert torch.equal(networks.features(torch.from_numpy(image)), wanted)


def test_a_picture_of_a_size_that_does_not_fit_is_of_the_mirrored_images(networks, rng):
    first, second = two_images(rng, 37, 90)
    mirror = {"pad": (3, 3, 5, 6), "mode": "reflect"}
    outpainted = (torch.nn.functional.pad(image, **mirror) for image in (first, second))
    wanted = networks.decoder(*outpainted, 0.3)[..., 5:42, 3:93]
    assert difference(networks.decoder(first, second, 0.3), wanted) < 1e-5


def test_images_of_a_batch_are_painted_alone(networks, rng):
    images = [two_images(rng, 32, 32) for _ in range(2)]
    together = networks.decoder(*(torch.cat(pair) for pair in zip(*images, strict=True)), 0.5)
    alone = torch.cat([networks.decoder(*pair, 0.5) for pair in images])
    assert difference(together, alone) < 1e-5


def prefixed(weights):
    return {part: {f"module.{key}": own[key] for key in own} for part, own in weights.items()}


def save_safetensors(weights, path):
    flat = {f"{name}.{key}": value for name, own in weights.items() for key, value in own.items()}
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
def test_kinds_of_checkpoints(weights, tmp_path, name, change, save):
    save(change(weights), tmp_path / name)
    found = checkpoint.load_networks(tmp_path / name)
    for part, network in (("feature_net", found.features), ("img_decoder", found.decoder)):
        own = network.state_dict()
        assert all(torch.equal(own[key], value) for key, value in weights[part].items())


def light_weights():
    """Weights of the right shapes that take no room in a file, for each repeats one number."""
    return {
        part: {key: torch.full((), 0.5).expand(shape) for key, shape in shapes.items()}
        for part, shapes in SHAPES.items()
    }


def refusal(path):
    """The sentence that a checkpoint is refused with."""
    with pytest.raises(ModelError) as caught:
        checkpoint.load_networks(path)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and "Models" in message
    return message


def test_half_precision_becomes_single(tmp_path):
    parts = light_weights().items()
    half = {part: {key: weight.half() for key, weight in own.items()} for part, own in parts}
    torch.save(half, tmp_path / "half.pth")
    alpha = checkpoint.load_networks(tmp_path / "half.pth").decoder.alpha
    assert alpha.dtype == torch.float32 and alpha == 0.5


@pytest.mark.parametrize(
    ("part", "key", "value", "words"),
    [
        ("feature_net", "layer2.0.conv1.weight", torch.zeros(128, 64, 1, 1), "(128, 64, 1, 1)"),
        ("img_decoder", "up1.conv.double_conv1.0.bias", None, "is missing"),
        ("img_decoder", "outc.conv.bias", torch.tensor([0.0, np.nan, 0.0]), "is not finite"),
        ("img_decoder", "alpha", torch.tensor(np.inf), "is not finite"),
        ("feature_net", "bn1.weight", torch.ones(64, dtype=torch.int64), "hold numbers"),
        ("feature_net", "bn1.weight", torch.ones(64, device="meta"), "hold numbers"),
        ("feature_net", "bn1.weight", [1.0] * 64, "hold numbers"),
        ("feature_net", "layer4.0.conv1.weight", torch.zeros(512, 256, 3, 3), "none of"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, part, key, value, words):
    weights = light_weights()
    changed = weights[part] | {key: value}
    weights[part] = {key: weight for key, weight in changed.items() if weight is not None}
    torch.save(weights, tmp_path / "model.pth")
    message = refusal(tmp_path / "model.pth")
    assert f"{part}.{key}" in message and words in message


def test_the_first_weight_that_does_not_fit_is_named(tmp_path):
    weights = light_weights()
    for key in ("iconv3.bn.bias", "conv1.weight", "out_conv.bias"):
        weights["feature_net"][key] = torch.zeros(1)
    torch.save(weights, tmp_path / "model.pth")
    assert "feature_net.conv1.weight has the shape (1,)" in refusal(tmp_path / "model.pth")


def test_a_missing_file(tmp_path):
    assert str(tmp_path / "none.pth") in refusal(tmp_path / "none.pth")
    assert "no checkpoint" in refusal(tmp_path)  # a folder
    assert "no checkpoint" in refusal(Path())


OTHERS = [
    {},
    [torch.zeros(2)],
    torch.zeros(2),
    {"feature_net": {}},
    {"img_decoder": torch.zeros(1)},
]


@pytest.mark.parametrize("content", OTHERS)
def test_other_files_of_pytorch(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    assert "other.pth" in refusal(tmp_path / "other.pth")


@pytest.mark.parametrize("part", SHAPES)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_half_a_checkpoint(weights, tmp_path, part, suffix):
    path = tmp_path / f"half{suffix}"
    other = next(name for name in SHAPES if name != part)
    save = torch.save if suffix == ".pth" else save_safetensors
    save({other: weights[other]}, path)
    assert f"holds no {part}" in refusal(path)


@pytest.mark.parametrize("save", [torch.save, save_old_format, save_safetensors])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_files(tmp_path, save, share):
    path = tmp_path / ("a.safetensors" if save is save_safetensors else "a.pth")
    save({"feature_net": {"a": torch.rand(1000)}, "img_decoder": {"b": torch.rand(1000)}}, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "truncated or damaged" in refusal(path)


def test_memory_that_runs_out(tmp_path, monkeypatch):
    path = tmp_path / "model.pth"
    torch.save(light_weights(), path)

    def fail(*_args, **_kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Module, "to", fail)
        assert "Device: CPU" in refusal(path)
    monkeypatch.setattr(torch, "load", fail)
    assert "memory" in refusal(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_noise_is_refused(tmp_path, rng, suffix):
    path = tmp_path / f"noise{suffix}"
    noise = [rng.bytes(size) for size in (1, 7, 64, 5000) for _ in range(5)]
    for content in (b"<!DOCTYPE html><html>Sign in to download", *noise):
        path.write_bytes(content)
        refusal(path)


class Trap:
    """Pickled, it makes a file when it is read."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return Path.touch, (self.witness,)


def pickled(protocol):
    return lambda content, path: path.write_bytes(pickle.dumps(content, protocol=protocol))


SAVERS = [torch.save, save_old_format, *(pickled(protocol) for protocol in (0, 2, 4, 5))]


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("place", ["alone", "inside"])
def test_code_in_a_pickle_never_runs(tmp_path, save, place):
    witness, path = tmp_path / "witness", tmp_path / "model.pth"
    trap = Trap(witness)
    save(trap if place == "alone" else {"feature_net": {}, "other": trap}, path)
    pickle.loads(pickle.dumps(trap))
    assert witness.exists()  # the trap works
    witness.unlink()
    message = refusal(path)
    assert not witness.exists()
    assert "could run code" in message or save not in (torch.save, save_old_format)
