"""The registry of models: pinned commits, licenses, sizes, and no pickles."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from make_4d.ml.common.registry import BUILTIN, MODELS, ModelSpec, model, models_for

STAGES = ("inpaint", "depth", "motion")
COMMERCIAL = {"Apache-2.0", "MIT", "CreativeML Open RAIL-M", "CreativeML Open RAIL++-M"}
RESTRICTED = "Research only: "
NOT_PINNED = "Not pinned"
UNSAFE = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".py", ".so", ".msgpack", ".h5", ".onnx")

# Files of the repositories beside the needed ones, in the hub's layout.
WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
    "safety_checker": "model",
}
WORDS = ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")

every_model = pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.key)


def pipeline_repository(second: bool) -> list[str]:
    """Files of a diffusion repository with every kind of weights; second: two text encoders."""
    parts = [part for part in WEIGHTS if second or part != "text_encoder_2"]
    kinds = (".safetensors", ".fp16.safetensors", ".bin", ".fp16.bin")
    names = [f"{part}/{WEIGHTS[part]}{kind}" for part in parts for kind in kinds]
    names += [f"{part}/config.json" for part in parts]
    tokenizers = ("tokenizer", "tokenizer_2") if second else ("tokenizer",)
    names += [f"{tokenizer}/{word}" for tokenizer in tokenizers for word in WORDS]
    names += ["model_index.json", "scheduler/scheduler_config.json", "README.md", "config.json"]
    return [*names, "512-inpainting-ema.ckpt", "512-inpainting-ema.safetensors", "app.py"]


def network_repository() -> list[str]:
    """Files of a transformers repository with every kind of weights."""
    names = ["config.json", "preprocessor_config.json", "README.md", ".gitattributes", "model.py"]
    return [*names, "model.safetensors", "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx"]


def chosen(spec: ModelSpec, names: list[str]) -> set[str]:
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in spec.files)}


def test_keys_and_labels_are_unique() -> None:
    for field in ("key", "label", "hub_id"):
        counts = Counter(getattr(spec, field) for spec in MODELS)
        assert max(counts.values()) == 1, f"twice: {counts.most_common(1)}"
    assert BUILTIN not in {spec.key for spec in MODELS}


@every_model
def test_names_have_the_right_form(spec: ModelSpec) -> None:
    assert spec.stage in STAGES
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.key), "no option of the command line"
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", spec.hub_id)
    assert spec.label.strip() == spec.label != ""
    assert spec.note.endswith(".")


@every_model
def test_a_commit_is_pinned(spec: ModelSpec) -> None:
    if spec.revision == "main":
        assert NOT_PINNED in spec.note
    else:
        assert re.fullmatch(r"[0-9a-f]{40}", spec.revision)


@every_model
def test_license_is_known_and_can_be_read(spec: ModelSpec) -> None:
    assert spec.license in COMMERCIAL or spec.license.startswith(RESTRICTED)
    assert spec.license_url.startswith("https://")
    restricted = spec.license.startswith(RESTRICTED)
    assert ("Not for commercial work." in spec.note) == restricted, "the note must say it"


@every_model
def test_sizes_make_sense(spec: ModelSpec) -> None:
    assert spec.download_mb > 0 and spec.native_size > 0
    # Weights come in single precision where no variant is named and are halved on the GPU.
    weights = spec.download_mb if spec.variant or spec.key == "depth-pro" else spec.download_mb / 2
    assert weights < spec.memory_mb < weights * 3 + 300
    assert spec.native_size % (8 if spec.stage == "inpaint" else 2) == 0


@every_model
def test_patterns_admit_no_code_and_no_pickles(spec: ModelSpec) -> None:
    assert spec.files
    folders = {pattern.rpartition("/")[0] for pattern in spec.files}
    stems = ("pytorch_model", "diffusion_pytorch_model", "model", "config", "tokenizer", "x")
    for folder in folders:
        for name in (f"{folder}/{stem}{ending}" for stem in stems for ending in UNSAFE):
            assert not chosen(spec, [name.lstrip("/")]), name
    for pattern in spec.files:
        assert pattern.endswith((".json", ".txt", ".safetensors"))
        assert not pattern.startswith(("/", ".", "*")) and ".." not in pattern


@every_model
def test_patterns_match_only_what_is_needed(spec: ModelSpec) -> None:
    if spec.stage != "inpaint":
        wanted = {"config.json", "preprocessor_config.json", "model.safetensors"}
        assert chosen(spec, network_repository()) == wanted
        return
    second = any(pattern.startswith("text_encoder_2/") for pattern in spec.files)
    names = chosen(spec, pipeline_repository(second))
    weights = {name for name in names if name.endswith(".safetensors")}
    parts = [part for part in WEIGHTS if part != "safety_checker"]
    parts = [part for part in parts if second or part != "text_encoder_2"]
    assert weights == {f"{part}/{WEIGHTS[part]}.{spec.variant}.safetensors" for part in parts}
    needed = {f"{part}/config.json" for part in parts} | {f"tokenizer/{word}" for word in WORDS}
    needed |= {f"tokenizer_2/{word}" for word in WORDS if second}
    needed |= {"model_index.json", "scheduler/scheduler_config.json"}
    assert names - weights == needed


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_model_for_commercial_use(stage: str) -> None:
    specs = models_for(stage)
    assert specs and all(spec.stage == stage for spec in specs)
    assert specs[0].license in COMMERCIAL
    assert list(specs) == [spec for spec in MODELS if spec.stage == stage]


def test_models_are_found_by_key() -> None:
    for spec in MODELS:
        assert model(spec.key) is spec
    assert models_for("lift") == ()
    for key in (BUILTIN, "", "sd3"):
        with pytest.raises(KeyError):
            model(key)


@every_model
def test_the_manual_lists_the_same_facts(spec: ModelSpec, root: Path) -> None:
    manual = (root / "docs" / "models.md").read_text(encoding="utf-8")
    rows = [line for line in manual.splitlines() if line.startswith(f"| `{spec.key}` |")]
    assert len(rows) == 2, "one row in the table of models, one in that of files"
    size = f"{spec.download_mb / 1000:.1f} GB" if spec.download_mb >= 1000 else None
    facts = (size or f"{spec.download_mb} MB", f"{spec.memory_mb / 1000:.1f} GB")
    facts += (spec.license, spec.license_url, f"https://huggingface.co/{spec.hub_id}")
    for fact in facts:
        assert fact in rows[0], f"{fact} is not in {rows[0]}"
    assert spec.hub_id in rows[1] and spec.revision in rows[1]


def test_the_manual_names_no_other_model(root: Path) -> None:
    manual = (root / "docs" / "models.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", manual, re.M)) == {spec.key for spec in MODELS}


def test_the_manual_has_a_hash_for_every_weight_file(root: Path) -> None:
    manual = (root / "docs" / "models.md").read_text(encoding="utf-8")
    sums = dict(reversed(line.split()) for line in re.findall(r"^[0-9a-f]{64}  \S+$", manual, re.M))
    weights = {
        f"{spec.hub_id}/{pattern}"
        for spec in MODELS
        for pattern in spec.files
        if pattern.endswith(".safetensors")
    }
    assert set(sums) == weights
    assert len(set(sums.values())) == len(sums)
