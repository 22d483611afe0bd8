"""The pretrained models that Make 4D knows: data alone, the same for Blender and the worker.

A revision is a commit of the model's repository on the hub, so what is loaded is what was chosen
here, whatever its owners do later; the hub names every large file of a commit by its SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass

BUILTIN = "builtin"
"""The way of every stage that needs no model."""


@dataclass(frozen=True)
class ModelSpec:
    """One pretrained model.

    key: its name in settings and on the command line; stage: `inpaint`, `depth` or `motion`; label:
    its name for the artist; hub_id, revision: repository and commit on the hub; licence: its name,
    SPDX where there is one; licence_url: its text; download_mb: size of `files`; memory_mb: what
    running it takes on a GPU in half precision, at its native size; native_size: side in pixels
    that it was trained at; files: patterns of the repository's files that are needed; variant: the
    kind of weight files ("fp16", or "" for the plain ones); note: what it is good for, in a line.
    """

    key: str
    stage: str
    label: str
    hub_id: str
    revision: str
    licence: str
    licence_url: str
    download_mb: int
    memory_mb: int
    native_size: int
    files: tuple[str, ...]
    variant: str = ""
    note: str = ""


MODELS: tuple[ModelSpec, ...] = ()


def models_for(stage: str) -> tuple[ModelSpec, ...]:
    """The models of a stage, the recommended one first."""
    return tuple(model for model in MODELS if model.stage == stage)


def model(key: str) -> ModelSpec:
    """The model of this key; raises KeyError."""
    return {spec.key: spec for spec in MODELS}[key]
