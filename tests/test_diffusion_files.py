"""Folders that hold no inpainting model, or a damaged one, are refused in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from make_4d.ml.common.errors import ModelError

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
safetensors_torch = import_module("safetensors.torch")
tiny = import_module("tiny_diffusion")
parts = import_module("test_diffusion")

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
KINDS = {"sd": {}, "sdxl": {"sdxl": True}, "text-to-image": {"in_channels": 4}}


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with tiny.quick():
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """Folders of tiny models by kind."""
    base = tmp_path_factory.mktemp("models")
    return {name: tiny.save_tiny_sd(base / name, **kind) for name, kind in KINDS.items()}


@pytest.fixture
def refused(models, tmp_path):
    """A function that changes a copy of a tiny model and gives the sentence of its refusal."""

    def attempt(change, kind: str = "sd") -> str:
        folder = tmp_path / "model"
        shutil.copytree(models[kind], folder)
        change(folder)
        with pytest.raises(ModelError) as caught:
            parts.opened(folder)
        message = str(caught.value)
        assert message.startswith("Tiny Inpainting") and message.endswith(".")
        assert "\n" not in message and str(tmp_path) not in message
        return message

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
def test_damaged_weights_are_named(refused, name, damage) -> None:
    def change(folder: Path) -> None:
        whole = (folder / name).read_bytes()
        cut = {
            "truncated": whole[:-100],
            "stub": whole[:20],
            "garbage": b"<html>" * 99,
            "empty": b"",
        }
        (folder / name).write_bytes(cut[damage])

    assert name in refused(change)


@pytest.mark.parametrize("name", [UNET, VAE, TEXT])
def test_missing_and_misshapen_weights(refused, models, name, tmp_path) -> None:
    def drop(tensors) -> None:
        tensors.pop(sorted(tensors)[3])

    message = refused(lambda folder: rewrite(folder / name, drop))
    assert "don't fit together or are damaged; press Download again" in message
    shutil.rmtree(tmp_path / "model")

    def bend(tensors) -> None:
        tensors[sorted(tensors)[3]] = torch.zeros(3, 3)

    assert "press Download again" in refused(lambda folder: rewrite(folder / name, bend))


@pytest.mark.parametrize(
    "name",
    ["unet", "vae", "text_encoder", "tokenizer", "scheduler", UNET, VAE, TEXT, "model_index.json"],
)
def test_missing_parts(refused, name) -> None:
    def remove(folder: Path) -> None:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    assert "press Download" in refused(remove)


@pytest.mark.parametrize(
    "name", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"]
)
@pytest.mark.parametrize("text", ["{", "[]", "null", "\x00"])
def test_garbage_in_place_of_settings(refused, name, text) -> None:
    refused(lambda folder: (folder / name).write_text(text, encoding="utf-8"))


def test_pickled_weights_are_not_loaded(refused) -> None:
    def change(folder: Path) -> None:
        tensors = safetensors_torch.load_file(folder / UNET)
        torch.save(tensors, folder / "unet/diffusion_pytorch_model.bin")
        (folder / UNET).unlink()

    refused(change)


def test_code_of_the_folder_is_not_run(refused, tmp_path) -> None:
    def change(folder: Path) -> None:
        trap = f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Net: pass\n"
        (folder / "unet" / "net.py").write_text(trap, encoding="utf-8")
        (folder / "pipeline.py").write_text(trap, encoding="utf-8")
        rewrite_json(folder / "model_index.json", unet=["net", "Net"])

    refused(change)
    shutil.rmtree(tmp_path / "model")

    def change_pipeline(folder: Path) -> None:
        change(folder)
        rewrite_json(folder / "model_index.json", _class_name=["pipeline", "Net"])

    refused(change_pipeline)
    assert not (tmp_path / "ran").exists()


def test_another_kind_of_model(refused) -> None:
    assert "another kind of model" in refused(lambda folder: None, "text-to-image")


@pytest.mark.parametrize("kind", ["StableDiffusionPipeline", "FluxPipeline", None, 3])
def test_another_pipeline(refused, kind) -> None:
    def change(folder: Path) -> None:
        rewrite_json(folder / "model_index.json", _class_name=kind)

    assert "another kind of model" in refused(change)


def test_networks_that_do_not_fit_together(refused, models) -> None:
    def change(folder: Path) -> None:
        shutil.rmtree(folder / "unet")
        shutil.copytree(models["sdxl"] / "unet", folder / "unet")

    refused(change)


def test_names_of_older_versions(models, tmp_path) -> None:
    """Stable Diffusion 1.5's files name some weights in the way of older libraries."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(tensors) -> None:
        for name in [name for name in tensors if ".attentions." in name]:
            for new, before in old.items():
                if f".{new}." in name:
                    tensors[name.replace(new, before)] = tensors.pop(name)

    def prefix(tensors) -> None:
        for name in list(tensors):
            tensors[f"text_model.{name.removeprefix('text_model.')}"] = tensors.pop(name)
        tensors["text_model.embeddings.position_ids"] = torch.arange(tiny.TOKENS)[None]

    folder = shutil.copytree(models["sd"], tmp_path / "old")
    rewrite(folder / VAE, rename)
    rewrite(folder / TEXT, prefix)
    _, expected, _ = parts.filled(models["sd"])
    assert (parts.filled(folder)[1] == expected).all()
