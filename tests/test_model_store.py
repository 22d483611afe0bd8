"""Where models are on disk, and whether they are complete."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from make_4d.ml.common import model_files, model_store
from make_4d.ml.common.errors import ModelError
from make_4d.ml.common.registry import ModelSpec
from messages import is_message, raises_message

REVISION = "a1" * 20
DEPTH = ModelSpec(
    key="tiny-depth",
    stage="depth",
    label="Tiny Depth",
    hub_id="nobody/tiny-depth",
    revision=REVISION,
    license="MIT",
    license_url="",
    download_mb=1,
    memory_mb=1,
    native_size=64,
    files=("*.json", "*.safetensors", "*.txt"),
)
PAINT = replace(DEPTH, key="tiny-paint", stage="inpaint", hub_id="nobody/tiny-paint")


def safetensors(values: int = 8) -> bytes:
    """A complete safetensors file with one tensor of that many float32."""
    entry = {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}
    header = json.dumps({"weight": entry}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4 * values)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def depth_files() -> dict[str, bytes]:
    return {
        "config.json": b'{"model_type": "dpt"}',
        "preprocessor_config.json": b'{"size": 64}',
        "model.safetensors": safetensors(),
    }


def paint_files(variant: str = "") -> dict[str, bytes]:
    index = {
        "_class_name": "StableDiffusionInpaintPipeline",
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    dot = f".{variant}" if variant else ""
    return {
        "model_index.json": json.dumps(index).encode(),
        "scheduler/scheduler_config.json": b'{"a": 1}',
        "tokenizer/tokenizer_config.json": b'{"a": 1}',
        "text_encoder/config.json": b'{"a": 1}',
        f"text_encoder/model{dot}.safetensors": safetensors(),
        "unet/config.json": b'{"a": 1}',
        f"unet/diffusion_pytorch_model{dot}.safetensors": safetensors(),
        "vae/config.json": b'{"a": 1}',
        f"vae/diffusion_pytorch_model{dot}.safetensors": safetensors(),
    }


@pytest.fixture(autouse=True)
def hub_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's Hugging Face cache, empty and in a temporary folder."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf home"))
    return tmp_path / "hf home" / "hub"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "my models ü"


def test_a_missing_model(models: Path) -> None:
    assert model_store.find(DEPTH, models) is None
    assert model_store.state_of(DEPTH, models) == model_store.ModelState("missing")
    assert is_message(model_store.problem_with(DEPTH, models), model_store.NOT_INSTALLED)
    assert model_store.find(DEPTH, Path()) is None


@pytest.mark.parametrize(("spec", "files"), [(DEPTH, depth_files()), (PAINT, paint_files())])
@pytest.mark.parametrize("where", ["cache", "org/name", "name", "hub", "main"])
def test_models_are_found_in_every_folder(
    models: Path, hub_home: Path, where: str, spec: ModelSpec, files: dict[str, bytes]
) -> None:
    name = spec.hub_id.partition("/")[2]
    main = model_store.repository_folder(spec.hub_id, hub_home)
    folder = {
        "cache": model_store.snapshot_folder(spec, models),
        "org/name": models / "nobody" / name,
        "name": models / name,
        "hub": model_store.snapshot_folder(spec, hub_home),
        "main": main / "snapshots" / ("b2" * 20),
    }[where]
    write(folder, files)
    if where == "main":
        write(main, {"refs/main": b"b2" * 20})
    assert model_store.find(spec, models) == folder
    assert model_store.problem_with(spec, models) == ""
    assert model_store.state_of(spec, models).status == "ready"
    outside = where in ("hub", "main")
    assert (model_store.find(spec, models, use_hub_cache=False) is None) == outside


@pytest.mark.parametrize("name", [n for n in paint_files() if "feature" not in n])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "broken link"])
def test_a_pipeline_needs_every_file(models: Path, name: str, damage: str) -> None:
    folder = write(models / "tiny-paint", paint_files())
    file = folder / name
    data = file.read_bytes()
    file.unlink()
    if damage in ("empty", "cut"):
        file.write_bytes(data[: -3 if damage == "cut" else 0])
    elif damage == "broken link":
        file.symlink_to(folder / "nowhere")
    assert model_store.find(PAINT, models) is None
    message = model_store.problem_with(PAINT, models)
    assert is_message(message, model_store.UNUSABLE) and name.partition("/")[0] in message


@pytest.mark.parametrize("name", depth_files())
def test_a_transformer_needs_every_file(models: Path, name: str) -> None:
    folder = write(models / "tiny-depth", depth_files())
    (folder / name).write_bytes(b"")
    assert model_store.find(DEPTH, models) is None
    assert name in model_store.problem_with(DEPTH, models)


def test_parts_that_inpainting_does_not_use_may_be_missing(models: Path) -> None:
    index = json.loads(paint_files()["model_index.json"])
    assert {"safety_checker", "feature_extractor"} <= set(index)
    write(models / "tiny-paint", paint_files())
    assert model_store.find(PAINT, models) is not None


def test_a_second_text_encoder_is_needed_if_it_is_listed(models: Path) -> None:
    folder = write(models / "tiny-paint", paint_files())
    index = json.loads((folder / "model_index.json").read_bytes())
    index["text_encoder_2"] = ["transformers", "CLIPTextModelWithProjection"]
    write(folder, {"model_index.json": json.dumps(index).encode()})
    assert "text_encoder_2/config.json" in model_store.problem_with(PAINT, models)
    write(folder, {"text_encoder_2/config.json": b'{"a": 1}'})
    assert "text_encoder_2/model.safetensors" in model_store.problem_with(PAINT, models)
    write(folder, {"text_encoder_2/model.safetensors": safetensors()})
    assert model_store.find(PAINT, models) == folder


def test_variants(models: Path) -> None:
    half = replace(PAINT, variant="fp16")
    folder = write(models / "tiny-paint", paint_files("fp16"))
    assert model_store.find(half, models) == folder
    assert model_store.find(PAINT, models) is None
    shutil.rmtree(folder)
    write(folder, paint_files())
    assert model_store.find(half, models) == folder


@pytest.mark.parametrize(
    ("variant", "index"),
    [
        ("", "diffusion_pytorch_model.safetensors.index.json"),
        ("fp16", "diffusion_pytorch_model.safetensors.index.fp16.json"),
        ("fp16", "diffusion_pytorch_model.fp16.safetensors.index.json"),
    ],
)
def test_weights_in_several_files(models: Path, variant: str, index: str) -> None:
    spec = replace(PAINT, variant=variant)
    folder = write(models / "tiny-paint", paint_files(variant))
    next((folder / "unet").glob("*.safetensors")).unlink()
    shards = [f"diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    weights = {"weight_map": {"a": shards[0], "b": shards[1], "c": shards[1]}}
    write(folder / "unet", {index: json.dumps(weights).encode(), shards[0]: safetensors()})
    assert model_store.find(spec, models) is None
    assert shards[1] in model_store.problem_with(spec, models)
    write(folder / "unet", {shards[1]: safetensors()})
    assert model_store.find(spec, models) == folder


def test_pickles_are_not_accepted(models: Path) -> None:
    folder = write(models / "tiny-depth", depth_files())
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    message = model_store.problem_with(DEPTH, models)
    assert is_message(message, model_store.UNSAFE, label=DEPTH.label)
    assert is_message(message.values["fault"], model_files.PICKLED, endings=".bin")
    assert model_store.find(DEPTH, models) is None
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors.incomplete")
    fault = model_store.problem_with(DEPTH, models).values["fault"]
    assert is_message(fault, model_files.MISSING, file="model.safetensors")


@pytest.mark.parametrize(
    "junk", [b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"unet": 3}']
)
def test_junk_instead_of_json(models: Path, junk: bytes) -> None:
    folder = write(models / "tiny-paint", paint_files())
    write(folder, {"model_index.json": junk})
    assert model_store.find(PAINT, models) is None
    fault = model_store.problem_with(PAINT, models).values["fault"]
    assert is_message(fault, model_files.DAMAGED, file="model_index.json")


@pytest.mark.parametrize(
    "junk",
    [bytes(64), b"\xff" * 64, struct.pack("<Q", 4) + b"null" * 9, b"x", safetensors() + b"x"],
)
def test_junk_instead_of_weights(models: Path, junk: bytes) -> None:
    folder = write(models / "tiny-depth", depth_files())
    (folder / "model.safetensors").write_bytes(junk)
    assert model_store.find(DEPTH, models) is None
    (folder / "model.safetensors").write_bytes(safetensors())
    assert model_store.find(DEPTH, models) == folder


def test_a_partial_download(models: Path) -> None:
    repository = model_store.repository_folder(DEPTH.hub_id, models)
    write(repository, {"blobs/abc.incomplete": bytes(2_000_000)})
    state = model_store.state_of(DEPTH, models)
    assert (state.status, state.folder, state.bytes_fetched) == ("partial", None, 2_000_000)
    files = depth_files()
    del files["model.safetensors"]
    write(model_store.snapshot_folder(DEPTH, models), files)
    more = sum(len(data) for data in files.values())
    assert model_store.state_of(DEPTH, models).bytes_fetched == 2_000_000 + more
    message = model_store.problem_with(DEPTH, models)
    assert is_message(message, model_store.PARTIAL, size="2 MB", label="Tiny Depth")


def test_files_must_match_the_record_of_the_download(models: Path) -> None:
    files = depth_files()
    folder = write(model_store.snapshot_folder(DEPTH, models), files)
    assert not model_store.state_of(DEPTH, models).verified
    noted = {name: {"size": len(data), "sha256": ""} for name, data in files.items()}
    marker = {"key": DEPTH.key, "hub_id": DEPTH.hub_id, "revision": REVISION, "files": noted}
    model_store.marker_path(DEPTH, models).write_text(json.dumps(marker))
    assert model_store.state_of(DEPTH, models).verified
    (folder / "config.json").write_text('{"another": "one"}')
    assert model_store.find(DEPTH, models) is None
    fault = model_store.problem_with(DEPTH, models).values["fault"]
    assert is_message(fault, model_store.CHANGED, file="config.json")


def test_remove(models: Path, hub_home: Path) -> None:
    folder = write(model_store.snapshot_folder(DEPTH, models), depth_files())
    theirs = write(models / "tiny-depth", depth_files())
    cached = write(model_store.snapshot_folder(DEPTH, hub_home), depth_files())
    assert model_store.remove(DEPTH, models)
    assert not folder.exists() and theirs.is_dir() and cached.is_dir()
    assert not model_store.remove(DEPTH, models)
    with raises_message(ModelError, model_store.IN_HUB_CACHE):
        model_store.remove(DEPTH, hub_home)
    assert cached.is_dir()


def test_remove_follows_no_link(models: Path, tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", {"precious": b"1"})
    models.mkdir()
    model_store.repository_folder(DEPTH.hub_id, models).symlink_to(elsewhere)
    assert model_store.remove(DEPTH, models)
    assert (elsewhere / "precious").is_file()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CACHE_HOME": "/x"},
        {"HF_HOME": "/h"},
        {"HF_HOME": "~/h"},
        {"HUGGINGFACE_HUB_CACHE": "/old"},
        {"HF_HUB_CACHE": "/new", "HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/h"},
    ],
)
def test_the_hub_cache_is_that_of_the_library(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.delenv("HF_HOME")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert result.stdout.strip() == str(model_store.hub_cache())


def test_which_files_are_downloaded() -> None:
    spec = replace(DEPTH, files=("*",))
    wanted = ["config.json", "unet/model.fp16.safetensors", "tokenizer/merges.txt"]
    assert all(model_store.is_needed(spec, name) for name in wanted)
    never = ["a.bin", "unet/A.BIN", "x.ckpt", "x.pt", "modeling.py", "x.pth", "x.pkl", "x.so"]
    assert not any(model_store.is_needed(spec, name) for name in never)
    assert not model_store.is_needed(replace(DEPTH, files=("unet/*",)), "vae/config.json")


@pytest.mark.parametrize(
    ("done", "total", "words"),
    [
        (1_200_000_000, 4_900_000_000, "1.2 of 4.9 GB"),
        (80_000_000, 490_000_000, "80 of 490 MB"),
        (0, 4_000, "0 of 4 kB"),
    ],
)
def test_progress_with_units(done: int, total: int, words: str) -> None:
    assert model_store.format_progress(done, total) == words


def test_sizes_with_units() -> None:
    assert model_store.format_size(4_900_000_000) == "4.9 GB"
