"""Networks of the transformers library: load from a folder, run on an image, free.

Everything is read from a local folder in the hub's layout: config.json, preprocessor_config.json
and weights as safetensors. No code from the folder is run and no socket is opened. Weights missing
from the files would silently be random numbers, so they are rejected.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import transformers
from transformers.image_processing_backends import PilBackend
from transformers.image_utils import PILImageResampling

from ...geometry.core.camera import FloatArray
from ...geometry.core.messages import Message
from ..common.context import Context
from ..common.errors import ModelError
from ..common.registry import ModelSpec
from ..models.device import Device, describe, free_memory, is_out_of_memory

LOADING = "Loading {label}"
RUNNING_ON = "{label} on {device}"
FULL_PRECISION = "{label}: running again in full precision"
FALLBACK_TO_CPU = "{device} has too little memory: continuing on the CPU, more slowly"
SMALLER_IMAGE = "Not enough memory: running again with a smaller image"
NOT_FINITE = "{label} gave no usable result: choose another model for {stage}."
DEVICE_FAILED = "{label} doesn't run on {device}: choose another Device."
WRONG_STAGE = "{label} isn't a model for {stage}: choose another one there."
MISSING_WEIGHTS = (
    "{label} lacks weights that {stage} needs: press Download again, or choose another model."
)
BAD_FILES = "its files are missing, damaged or of another kind"
NEEDS_LIBRARY = "it needs a library that Make 4D doesn't include"
NOT_LOADED = (
    "{label} can't be loaded because {reason}: press Download again, or choose another model for "
    "{stage}."
)
OUT_OF_MEMORY = (
    "Not enough memory for {label}: choose a smaller model for {stage}, or close other programs."
)
FAILED = "{label} failed on this image: choose another model for {stage}."

Outputs = dict[str, FloatArray]
"""A network's outputs by name."""

MAX_ASPECT_RATIO = 4.0
"""Longer images are stretched to this aspect ratio, because the cost of some networks grows with
it."""
UNREAD_WEIGHTS = re.compile(
    r"fusion_stage\.(layers|intermediate)\.0\.residual_layer1\."  # the first layer has no residual
    r"|\.num_batches_tracked$"
    r"|\.mask_token$"  # for training alone
)
"""Weights that may be missing because the network never reads them. DPT's own files lack the
first."""
FIXED_SIZE_MODELS = ("depth_pro",)
"""Kinds of networks that accept images of one size only, in addition to the hybrid DPT."""


class PlainProcessor(PilBackend):
    """Resizes, rescales and normalizes like Depth Pro's processor, which needs torchvision."""

    size = {"height": 1536, "width": 1536}  # noqa: RUF012 - the library's convention
    resample = PILImageResampling.BILINEAR
    image_mean = (0.5, 0.5, 0.5)
    image_std = (0.5, 0.5, 0.5)
    do_resize = do_rescale = do_normalize = True


class Network:
    """A network and its image processor.

    Args:
        model_class: The library's class that selects the network, such as
            AutoModelForDepthEstimation.
        folder: Folder of the model's files.
        spec: The model's registry entry.
        device: Where it runs.
        context: Progress of loading is reported to it.

    `config` is the network's configuration. Raises ModelError if the folder doesn't hold a complete
    network of this class.
    """

    def __init__(
        self, model_class: Any, folder: Path, spec: ModelSpec, device: Device, context: Context
    ) -> None:
        self.spec = spec
        self._device = device
        self._size_divisor = 1
        loading = Message(LOADING, label=spec.label)
        context.report(0.0, loading)
        with _silenced(), _readable_errors(spec):
            self.config = _read_config(model_class, folder, spec)
            self._processor = _read_processor(folder, self.config)
            self._model = _read_model(model_class, folder, spec, device.dtype)
        context.report(0.8, loading)
        self._move(self._device.kind, 0.8, context)
        context.report(1.0, loading)

    def run(self, image: FloatArray, names: tuple[str, ...], context: Context) -> Outputs:
        """Run the network on an image.

        If the output isn't finite, the network is run once more in full precision.

        Args:
            image: (H, W, 3) sRGB, 0..1.
            names: Names of the outputs to return.
            context: Progress is reported to it.

        Returns those of the outputs that the network has, as float32, without the batch axis.
        Raises ModelError.
        """
        outputs = self._run_within_memory(image, names, context)
        if not _all_finite(outputs) and self._model.dtype != torch.float32:
            message = Message(FULL_PRECISION, label=self.spec.label)
            context.report(0.0, message)
            self._move(torch.float32, 0.0, context)
            outputs = self._run_within_memory(image, names, context)
        if not _all_finite(outputs):
            raise ModelError(NOT_FINITE, **message_fields(self.spec))
        return outputs

    def padding(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns that the processor adds on each side of such an image."""
        if self.config.model_type != "zoedepth" or not self._processor.do_pad:
            return 0, 0
        return int(np.sqrt(height / 2) * 3), int(np.sqrt(width / 2) * 3)

    def close(self) -> None:
        """Free the network and its memory; it can't run again."""
        self._model = self._processor = None
        free_memory()

    def _move(self, target: str | torch.dtype, fraction: float, context: Context) -> None:
        """Move the network to a device or precision, or to the CPU if the device lacks memory."""
        try:
            self._model.to(target)
            return
        except Exception as error:
            if not is_out_of_memory(error):
                label, device = self.spec.label, self._device.name
                raise ModelError(DEVICE_FAILED, label=label, device=device) from error
        self._reduce_memory(fraction, context)

    def _run_within_memory(
        self, image: FloatArray, names: tuple[str, ...], context: Context
    ) -> Outputs:
        """Run once, and once more using less of the device's memory if it ran out."""
        for is_retry in (False, True):
            label, device = self.spec.label, self._device.name
            context.report(0.0, Message(RUNNING_ON, label=label, device=device))
            try:
                return self._forward(image, names)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise _failed(self.spec) from error
            # Here the error is gone, and with it the tensors in its frames.
            if is_retry or not self._reduce_memory(0.0, context):
                break
        raise _out_of_memory(self.spec)

    def _reduce_memory(self, fraction: float, context: Context) -> bool:
        """Switch to the CPU if a device lacks memory, or to a smaller image on the CPU.

        Returns False if neither is possible. The change is reported at this fraction of the
        progress.
        """
        free_memory()
        if self._device.kind != "cpu":
            name, self._device = self._device.name, describe("cpu")
            self._model.to("cpu", torch.float32)
            free_memory()
            message = Message(FALLBACK_TO_CPU, device=name)
            context.report(fraction, message)
            return True
        if self.config.model_type in FIXED_SIZE_MODELS or getattr(self.config, "is_hybrid", False):
            return False
        self._size_divisor = 2
        context.report(fraction, Message(SMALLER_IMAGE))
        return True

    def _forward(self, image: FloatArray, names: tuple[str, ...]) -> Outputs:
        pixels = self._pixels(image).to(self._device.kind, self._model.dtype)
        with torch.inference_mode():
            outputs = self._model(pixel_values=pixels)
        tensors = {name: outputs.get(name) for name in names}
        return {n: v[0].float().cpu().numpy() for n, v in tensors.items() if v is not None}

    def _pixels(self, image: FloatArray) -> torch.Tensor:
        """Return the network's input (1, 3, h, w)."""
        pixels = np.rint(np.clip(_limit_aspect_ratio(image), 0.0, 1.0) * 255).astype(np.uint8)
        options: dict[str, Any] = {"return_tensors": "pt", "input_data_format": "channels_last"}
        if getattr(self._processor, "do_center_crop", None):
            options["do_center_crop"] = False  # the network must see the whole image
        if self._requires_square_input():
            options["keep_aspect_ratio"] = False
        if self._size_divisor > 1:
            size = dict(self._processor.size)
            options["size"] = {k: v // self._size_divisor for k, v in size.items() if v is not None}
        return self._processor(images=pixels, **options)["pixel_values"]

    def _requires_square_input(self) -> bool:
        """Whether the network assumes a square of patches, like DPT without another backbone."""
        config = self.config
        return config.model_type == "dpt" and (config.is_hybrid or config.backbone_config is None)


def message_fields(spec: ModelSpec) -> dict[str, str]:
    """Return the fields of messages that name a model and its stage, as the panel shows them."""
    return {"label": spec.label, "stage": Message(spec.stage.capitalize())}


def network_input_size(height: int, width: int) -> tuple[int, int]:
    """Return the size (rows, columns) in pixels at which an image is passed to the processor."""
    limit = max(height, width) / MAX_ASPECT_RATIO
    return max(height, round(limit)), max(width, round(limit))


def _limit_aspect_ratio(image: FloatArray) -> FloatArray:
    height, width = image.shape[:2]
    size = network_input_size(height, width)
    if size == (height, width):
        return image
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)


def _all_finite(outputs: Outputs) -> bool:
    return all(np.isfinite(values).all() for values in outputs.values())


def _read_config(model_class: Any, folder: Path, spec: ModelSpec) -> Any:
    """Return the network's configuration; raise ModelError for another kind of network."""
    config = transformers.AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    mapped = model_class._model_mapping.get(type(config), ())
    classes = mapped if isinstance(mapped, tuple) else (mapped,)
    class_names = config.architectures or [c.__name__ for c in classes]
    if not {c.__name__ for c in classes} & set(class_names):
        raise ModelError(WRONG_STAGE, **message_fields(spec))
    return config


def _read_processor(folder: Path, config: Any) -> Any:
    if config.model_type == "depth_pro":
        return PlainProcessor.from_pretrained(folder, local_files_only=True)
    return transformers.AutoImageProcessor.from_pretrained(
        folder, backend="pil", local_files_only=True, trust_remote_code=False
    )


def _read_model(model_class: Any, folder: Path, spec: ModelSpec, dtype: torch.dtype) -> Any:
    model, info = model_class.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        variant=spec.variant or None,
        dtype=dtype,
        output_loading_info=True,
    )
    missing = [key for key in info["missing_keys"] if not UNREAD_WEIGHTS.search(key)]
    if missing or info["mismatched_keys"] or info["error_msgs"]:
        raise ModelError(MISSING_WEIGHTS, **message_fields(spec))
    return model.eval()


@contextlib.contextmanager
def _readable_errors(spec: ModelSpec) -> Iterator[None]:
    """Turn whatever damaged files make the library raise into a ModelError."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise _out_of_memory(spec) from error
        reason = Message(NEEDS_LIBRARY if isinstance(error, ImportError) else BAD_FILES)
        raise ModelError(NOT_LOADED, reason=reason, **message_fields(spec)) from error


def _out_of_memory(spec: ModelSpec) -> ModelError:
    return ModelError(OUT_OF_MEMORY, **message_fields(spec))


def _failed(spec: ModelSpec) -> ModelError:
    return ModelError(FAILED, **message_fields(spec))


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Disable the library's warnings and progress bars, which are of no use to an artist."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
