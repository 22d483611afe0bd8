"""Folders that hold no inpainting model, or a damaged one, are rejected with one message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from make_4d.ml.common.errors import ModelError
from messages import is_message

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
safetensors_torch = import_module("safetensors.torch")
tiny = import_module("tiny_diffusion")
diffusion_load = import_module("make_4d.ml.pretrained.diffusion_load")
parts = import_module("test_diffusion")

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
KINDS = {"sd": {}, "sdxl": {"sdxl": True}, "text-to-image": {"in_channels": 4}}


@pytest.fixture(scope="module", autouse=True)
def fast_tests() -> Iterator[None]:
    with tiny.fast_tests():
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """Folders of tiny models by kind."""
    base = tmp_path_factory.mktemp("models")
    return {name: tiny.save_tiny_sd(base / name, **kind) for name, kind in KINDS.items()}


@pytest.fixture
def rejection(models, tmp_path):
    """Return a function that changes a copy of a tiny model and returns the error of its
    rejection."""

    def attempt(change, kind: str = "sd") -> ModelError:
        folder = tmp_path / "model"
        shutil.copytree(models[kind], folder)
        change(folder)
        with pytest.raises(ModelError) as caught:
            parts.open_inpainter(folder)
        text = str(caught.value)
        assert text.startswith("Tiny Inpainting") and text.endswith(".")
        assert "\n" not in text and str(tmp_path) not in text
        return caught.value

    return attempt


def rewrite(file: Path, change) -> None:
    """Change the tensors of a safetensors file."""
    tensors = safetensors_torch.load_file(file)
    change(tensors)
    safetensors_torch.save_file(tensors, file, metadata={"format": "pt"})


def rewrite_json(file: Path, **changes) -> None:
    record = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(record | changes), encoding="utf-8")


@pytest.mark.parametrize("name", [UNET, VAE, TEXT])
@pytest.mark.parametrize("damage", ["truncated", "stub", "garbage", "empty"])
def test_damaged_weight_file_is_named(rejection, name, damage) -> None:
    def change(folder: Path) -> None:
        whole = (folder / name).read_bytes()
        contents = {
            "truncated": whole[:-100],
            "stub": whole[:20],
            "garbage": b"<html>" * 99,
            "empty": b"",
        }
        (folder / name).write_bytes(contents[damage])

    assert is_message(rejection(change), diffusion_load.DAMAGED_FILE, file=name)


@pytest.mark.parametrize("name", [UNET, VAE, TEXT])
def test_missing_and_misshapen_weights(rejection, models, name, tmp_path) -> None:
    def drop(tensors) -> None:
        tensors.pop(sorted(tensors)[3])

    error = rejection(lambda folder: rewrite(folder / name, drop))
    assert is_message(error, diffusion_load.DAMAGED)
    shutil.rmtree(tmp_path / "model")

    def reshape(tensors) -> None:
        tensors[sorted(tensors)[3]] = torch.zeros(3, 3)

    error = rejection(lambda folder: rewrite(folder / name, reshape))
    assert is_message(error, diffusion_load.DAMAGED)


@pytest.mark.parametrize(
    "name",
    ["unet", "vae", "text_encoder", "tokenizer", "scheduler", UNET, VAE, TEXT, "model_index.json"],
)
def test_missing_files(rejection, name) -> None:
    def remove(folder: Path) -> None:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    template = rejection(remove).message.template
    is_index = name == "model_index.json"
    assert template == (diffusion_load.NOT_FOUND if is_index else diffusion_load.DAMAGED)


@pytest.mark.parametrize(
    "name", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"]
)
@pytest.mark.parametrize("text", ["{", "[]", "null", "\x00"])
def test_damaged_configurations(rejection, name, text) -> None:
    rejection(lambda folder: (folder / name).write_text(text, encoding="utf-8"))


def test_pickles_are_never_loaded(rejection) -> None:
    def change(folder: Path) -> None:
        tensors = safetensors_torch.load_file(folder / UNET)
        torch.save(tensors, folder / "unet/diffusion_pytorch_model.bin")
        (folder / UNET).unlink()

    rejection(change)


def test_code_in_the_folder_is_never_run(rejection, tmp_path) -> None:
    def change(folder: Path) -> None:
        trap = f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Net: pass\n"
        (folder / "unet" / "net.py").write_text(trap, encoding="utf-8")
        (folder / "pipeline.py").write_text(trap, encoding="utf-8")
        rewrite_json(folder / "model_index.json", unet=["net", "Net"])

    rejection(change)
    shutil.rmtree(tmp_path / "model")

    def change_pipeline(folder: Path) -> None:
        change(folder)
        rewrite_json(folder / "model_index.json", _class_name=["pipeline", "Net"])

    rejection(change_pipeline)
    assert not (tmp_path / "ran").exists()


def test_wrong_kind_of_model(rejection) -> None:
    error = rejection(lambda folder: None, "text-to-image")
    assert is_message(error, diffusion_load.WRONG_KIND)


@pytest.mark.parametrize("kind", ["StableDiffusionPipeline", "FluxPipeline", None, 3])
def test_unsupported_pipeline(rejection, kind) -> None:
    def change(folder: Path) -> None:
        rewrite_json(folder / "model_index.json", _class_name=kind)

    assert is_message(rejection(change), diffusion_load.WRONG_KIND)


def test_incompatible_networks(rejection, models) -> None:
    def change(folder: Path) -> None:
        shutil.rmtree(folder / "unet")
        shutil.copytree(models["sdxl"] / "unet", folder / "unet")

    rejection(change)


def test_weight_names_of_older_versions(models, tmp_path) -> None:
    """Stable Diffusion 1.5's files use some weight names of older libraries."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(tensors) -> None:
        for name in [name for name in tensors if ".attentions." in name]:
            for new, before in old.items():
                if f".{new}." in name:
                    tensors[name.replace(new, before)] = tensors.pop(name)

    def add_prefix(tensors) -> None:
        for name in list(tensors):
            tensors[f"text_model.{name.removeprefix('text_model.')}"] = tensors.pop(name)
        tensors["text_model.embeddings.position_ids"] = torch.arange(tiny.TOKENS)[None]

    folder = shutil.copytree(models["sd"], tmp_path / "old")
    rewrite(folder / VAE, rename)
    rewrite(folder / TEXT, add_prefix)
    _, expected, _ = parts.fill_landscape(models["sd"])
    assert (parts.fill_landscape(folder)[1] == expected).all()
