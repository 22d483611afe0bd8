"""The paper's networks from a checkpoint of 3D Moments that the artist provides."""

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

from ...geometry.core.messages import Message
from ..common.errors import ModelError, no_checkpoint
from ..models.device import is_out_of_memory
from .feature_net import FeatureNet
from .image_decoder import ImageDecoder

OUT_OF_MEMORY = "Not enough memory for the paper's networks: choose Device: CPU in Models."
TOO_LARGE = (
    "The checkpoint {file} is damaged or larger than the free memory: close other programs, or "
    "choose another file in Models."
)
CONTAINS_CODE = (
    "The checkpoint {file} contains more than weights and was not opened because it could run "
    "code: choose the original file of 3D Moments in Models."
)
NOT_A_CHECKPOINT = (
    "{file} is not a checkpoint of the paper's networks because it has no {network}: choose the "
    "file of 3D Moments in Models."
)
MISMATCH = (
    "The checkpoint {file} does not match the paper's networks ({network}.{problem}): choose the "
    "file of 3D Moments in Models."
)
MISSING = "{weight} is missing"
NOT_NUMBERS = "{weight} does not contain numbers"
NOT_FINITE = "{weight} is not finite"
WRONG_SHAPE = "{weight} has the shape {shape} instead of {expected}"
UNKNOWN_WEIGHT = "{weight} is not one of their weights"
DAMAGED = (
    "The checkpoint {file} is truncated or damaged: download it again and choose it in Models."
)

FEATURES, DECODER = "feature_net", "img_decoder"
"""Names of the networks in a checkpoint."""
# PyTorch's errors for pickles that need more than the classes that weights consist of.
_UNSAFE_PICKLE = re.compile(r"not an allowed global|is blocked|Trying to call|Can only|TorchScript")


@dataclass(frozen=True)
class PaperNetworks:
    """The feature extractor and the image decoder, ready for inference."""

    features: FeatureNet
    decoder: ImageDecoder


def load_networks(path: Path, device: str = "cpu") -> PaperNetworks:
    """Load both networks from a checkpoint in single precision, for inference only.

    A checkpoint is a dictionary saved by PyTorch that holds the weights of each network under its
    name, among anything else, or a .safetensors file whose keys start with these names. Nothing in
    the file is ever executed.

    Args:
        path: The checkpoint.
        device: PyTorch's name of the device.

    Raises ModelError if the file is missing, damaged, contains code, doesn't match the networks, or
    if memory runs out.
    """
    if not path.is_file():
        raise ModelError(no_checkpoint(path))
    is_safe = path.suffix.lower() == ".safetensors"
    weights = _read_safetensors(path) if is_safe else _read_checkpoint(path)
    features = _with_weights(FeatureNet, FEATURES, weights, path.name)
    decoder = _with_weights(ImageDecoder, DECODER, weights, path.name)
    try:
        return PaperNetworks(features.to(device), decoder.to(device))
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise ModelError(OUT_OF_MEMORY) from error
        raise


def _read_safetensors(path: Path) -> dict[str, dict[str, Any]]:
    """Return the weights of those networks that are in the file."""
    weights: dict[str, dict[str, Any]] = {}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            for key in file.keys():  # noqa: SIM118 - not a dictionary
                network, _, name = key.partition(".")
                if network in (FEATURES, DECODER):
                    weights.setdefault(network, {})[name] = file.get_tensor(key)
    except (SafetensorError, OSError) as error:
        raise _damaged(path.name) from error
    return weights


def _read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Return what PyTorch saved, or an empty dictionary if it is something else."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # reading garbage as a pickle may raise anything
        if is_out_of_memory(error):
            raise ModelError(TOO_LARGE, file=path.name) from error
        if _UNSAFE_PICKLE.search(str(error)):
            raise ModelError(CONTAINS_CODE, file=path.name) from error
        raise _damaged(path.name) from error
    return content if isinstance(content, Mapping) else {}


def _with_weights[Network: nn.Module](
    kind: type[Network], name: str, weights: Mapping[str, Any], file_name: str
) -> Network:
    """Create a network with its weights from a checkpoint; raise ModelError if they don't match."""
    network_weights = weights.get(name)
    if not isinstance(network_weights, Mapping):
        raise ModelError(NOT_A_CHECKPOINT, file=file_name, network=name)
    with torch.device("meta"):  # no need to create random weights
        network = kind()
    state = {str(key).removeprefix("module."): value for key, value in network_weights.items()}
    mismatch = _first_mismatch(network.state_dict(), state)
    if mismatch is None:
        state = {key: value.detach().float().contiguous() for key, value in state.items()}
        infinite = next((key for key in state if not _is_finite(state[key])), None)
        mismatch = Message(NOT_FINITE, weight=infinite) if infinite is not None else None
    if mismatch is not None:
        raise ModelError(MISMATCH, file=file_name, network=name, problem=mismatch)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _first_mismatch(expected: Mapping[str, Tensor], weights: Mapping[str, Any]) -> Message | None:
    """Return what is wrong with the first mismatched weight, or None."""
    for key, expected_weight in expected.items():
        if mismatch := _mismatch_of(key, weights.get(key), expected_weight):
            return mismatch
    unknown = next((key for key in weights if key not in expected), None)
    return Message(UNKNOWN_WEIGHT, weight=unknown) if unknown is not None else None


def _mismatch_of(key: str, weight: Any, expected_weight: Tensor) -> Message | None:
    """Return what is wrong with a weight, or None."""
    if weight is None:
        return Message(MISSING, weight=key)
    is_dense = isinstance(weight, Tensor) and weight.layout == torch.strided and not weight.is_meta
    if not is_dense or not weight.is_floating_point():
        return Message(NOT_NUMBERS, weight=key)
    if weight.shape != expected_weight.shape:
        shape, expected = tuple(weight.shape), tuple(expected_weight.shape)
        return Message(WRONG_SHAPE, weight=key, shape=shape, expected=expected)
    return None


def _is_finite(weight: Tensor) -> bool:
    """Whether all values are finite, in one pass, because isfinite takes seconds for a network."""
    return all(math.isfinite(extreme) for extreme in weight.aminmax())


def _damaged(file_name: str) -> ModelError:
    return ModelError(DAMAGED, file=file_name)
