"""The paper's networks from a checkpoint of 3D Moments that the artist has."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..common.errors import ModelError, no_checkpoint
from ..models.device import is_out_of_memory
from .feature_net import FeatureNet
from .image_decoder import ImageDecoder

FEATURES, DECODER = "feature_net", "img_decoder"
"""The networks' names in a checkpoint."""
# What PyTorch says of a pickle that asks for more than the classes that weights are made of.
_FORBIDDEN = re.compile(r"not an allowed global|is blocked|Trying to call|Can only|TorchScript")


@dataclass(frozen=True)
class PaperNetworks:
    """The feature extractor and the image decoder, ready for use."""

    features: FeatureNet
    decoder: ImageDecoder


def load_networks(path: Path, device: str = "cpu") -> PaperNetworks:
    """Both networks of a checkpoint on `device`, in single precision, for use only.

    A checkpoint is what PyTorch saves of a dictionary that holds the weights of each network under
    its name, whatever else it holds, or a .safetensors file whose keys begin with these names.
    Nothing in a file is ever executed. Raises ModelError where the file is missing, damaged, holds
    code, does not fit the networks, or memory runs out.
    """
    if not path.is_file():
        raise ModelError(no_checkpoint(path))
    is_safe = path.suffix.lower() == ".safetensors"
    weights = _read_safetensors(path) if is_safe else _read_checkpoint(path)
    features = _filled(FeatureNet, FEATURES, weights, path.name)
    decoder = _filled(ImageDecoder, DECODER, weights, path.name)
    try:
        return PaperNetworks(features.to(device), decoder.to(device))
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise ModelError(
                "Not enough memory for the paper's networks: choose Device: CPU in Models."
            ) from error
        raise


def _read_safetensors(path: Path) -> dict[str, dict[str, Any]]:
    """The weights of each network, of those that are there."""
    found: dict[str, dict[str, Any]] = {}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            for key in file.keys():  # noqa: SIM118 - not a dictionary
                network, _, name = key.partition(".")
                if network in (FEATURES, DECODER):
                    found.setdefault(network, {})[name] = file.get_tensor(key)
    except (SafetensorError, OSError) as error:
        raise _damaged(path.name) from error
    return found


def _read_checkpoint(path: Path) -> Mapping[str, Any]:
    """What PyTorch saved; of a file that isn't a checkpoint possibly no dictionary at all."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # reading noise as a pickle may raise anything
        if is_out_of_memory(error):
            raise ModelError(
                "The checkpoint {name} is larger than the memory that is left, or damaged: "
                "close other programs, or choose another file in Models.",
                name=path.name,
            ) from error
        if _FORBIDDEN.search(str(error)):
            raise ModelError(
                "The checkpoint {name} holds more than weights and was not opened, for it "
                "could run code: choose the original file of 3D Moments in Models.",
                name=path.name,
            ) from error
        raise _damaged(path.name) from error
    return content if isinstance(content, Mapping) else {}


def _filled[Network: nn.Module](
    kind: type[Network], name: str, weights: Mapping[str, Any], file_name: str
) -> Network:
    """A network with its weights of a checkpoint; raises ModelError where they don't fit."""
    found = weights.get(name)
    if not isinstance(found, Mapping):
        raise ModelError(
            "{file} is not a checkpoint of the paper's networks, as it holds no {network}: "
            "choose the file of 3D Moments in Models.",
            file=file_name,
            network=name,
        )
    with torch.device("meta"):  # random weights would be made in vain
        network = kind()
    own = {str(key).removeprefix("module."): value for key, value in found.items()}
    fault = _misfit(network.state_dict(), own)
    if not fault:
        own = {key: value.detach().float().contiguous() for key, value in own.items()}
        fault = next((f"{key} is not finite" for key in own if not _is_finite(own[key])), "")
    if fault:
        raise ModelError(
            "The checkpoint {file} does not fit the paper's networks ({network}.{fault}): "
            "choose the file of 3D Moments in Models.",
            file=file_name,
            network=name,
            fault=fault,
        )
    network.load_state_dict(own, assign=True)
    return network.eval().requires_grad_(False)


def _misfit(wanted: Mapping[str, Tensor], found: Mapping[str, Any]) -> str:
    """The name of the first weight of another shape and what is wrong with it; or nothing."""
    for key, place in wanted.items():
        if fault := _fault(found.get(key), place):
            return f"{key} {fault}"
    extra = next((key for key in found if key not in wanted), "")
    return f"{extra} is none of their weights" if extra else ""


def _fault(weight: Any, place: Tensor) -> str:
    if weight is None:
        return "is missing"
    plain = isinstance(weight, Tensor) and weight.layout == torch.strided and not weight.is_meta
    if not plain or not weight.is_floating_point():
        return "does not hold numbers"
    if weight.shape != place.shape:
        return f"has the shape {tuple(weight.shape)} in place of {tuple(place.shape)}"
    return ""


def _is_finite(weight: Tensor) -> bool:
    """Whether all numbers are finite: in one pass, for isfinite takes seconds over a network."""
    return all(math.isfinite(extreme) for extreme in weight.aminmax())


def _damaged(file_name: str) -> ModelError:
    return ModelError(
        "The checkpoint {name} is truncated or damaged: get it again and choose it in Models.",
        name=file_name,
    )
