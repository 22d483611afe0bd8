"""Networks of the transformers library: loaded from a folder, run on a picture, freed.

Everything is read from a local folder in the hub's layout: config.json, preprocessor_config.json
and weights as safetensors. No code of the folder is run and no socket opened. Weights that the
files lack would silently be random numbers; that is refused.
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
from ..models.device import Device, describe, give_back, is_out_of_memory

Outputs = dict[str, FloatArray]

MAX_RATIO = 4.0
"""A longer picture is stretched to these proportions: the cost of some networks grows with them."""
UNUSED_WEIGHTS = re.compile(
    r"fusion_stage\.(layers|intermediate)\.0\.residual_layer1\."  # the first layer has no residual
    r"|\.num_batches_tracked$"
    r"|\.mask_token$"  # for training alone
)
"""Weights that files may lack: the network never reads them. DPT's own files lack the first."""
ONE_SIZE = ("depth_pro",)
"""Kinds of networks that take pictures of one size only, besides the hybrid DPT."""


class PlainProcessor(PilBackend):
    """Resize, rescale, normalize: what Depth Pro does to a picture, where the library's own needs
    torchvision."""

    size = {"height": 1536, "width": 1536}  # noqa: RUF012 - the library's way
    resample = PILImageResampling.BILINEAR
    image_mean = (0.5, 0.5, 0.5)
    image_std = (0.5, 0.5, 0.5)
    do_resize = do_rescale = do_normalize = True


class Network:
    """A network and its image processor.

    kind: the library's class that picks the network, such as AutoModelForDepthEstimation; `config`
    is the network's. Raises ModelError where the folder doesn't hold such a network whole.
    """

    def __init__(
        self, kind: Any, folder: Path, spec: ModelSpec, device: Device, context: Context
    ) -> None:
        self.spec = spec
        self._device = device
        self._shrink = 1
        loading = Message("Loading {label}", label=spec.label)
        context.report(0.0, loading)
        with _quiet(), _explained(spec):
            self.config = _read_config(kind, folder, spec)
            self._processor = _read_processor(folder, self.config)
            self._model = _read_model(kind, folder, spec, device.dtype)
        context.report(0.8, loading)
        self._move(self._device.kind, 0.8, context)
        context.report(1.0, loading)

    def run(self, image: FloatArray, names: tuple[str, ...], context: Context) -> Outputs:
        """What the network says of an image (H, W, 3), sRGB 0..1.

        Returns those of the named outputs that it has, float32, without the batch's axis. Numbers
        that aren't finite are worked out once more in full precision. Raises ModelError.
        """
        outputs = self._run_within_memory(image, names, context)
        if not _are_finite(outputs) and self._model.dtype != torch.float32:
            again = Message("{label}: once more in full precision", label=self.spec.label)
            context.report(0.0, again)
            self._move(torch.float32, 0.0, context)
            outputs = self._run_within_memory(image, names, context)
        if not _are_finite(outputs):
            raise ModelError(
                "{label} gave no usable numbers: choose another model for {stage}.",
                **named(self.spec),
            )
        return outputs

    def padding(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns that the processor adds on each side of a picture of this size."""
        if self.config.model_type != "zoedepth" or not self._processor.do_pad:
            return 0, 0
        return int(np.sqrt(height / 2) * 3), int(np.sqrt(width / 2) * 3)

    def close(self) -> None:
        """Free the network and its memory; it can't run again."""
        self._model = self._processor = None
        give_back()

    def _move(self, where: str | torch.dtype, fraction: float, context: Context) -> None:
        """Move the network to a device or precision, or to the processor where there is no room."""
        try:
            self._model.to(where)
            return
        except Exception as error:
            if not is_out_of_memory(error):
                raise ModelError(
                    "{label} doesn't run on {device}: choose another Device.",
                    label=self.spec.label,
                    device=self._device.name,
                ) from error
        self._step_down(fraction, context)

    def _run_within_memory(
        self, image: FloatArray, names: tuple[str, ...], context: Context
    ) -> Outputs:
        """One pass, and one more that needs less memory of the device where it ran out."""
        for is_last in (False, True):
            label, device = self.spec.label, self._device.name
            context.report(0.0, Message("{label} on {device}", label=label, device=device))
            try:
                return self._forward(image, names)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise _unusable(self.spec) from error
            # Here, with the error and the tensors of its frames gone.
            if is_last or not self._step_down(0.0, context):
                break
        raise _too_large(self.spec)

    def _step_down(self, fraction: float, context: Context) -> bool:
        """Take the processor for a device that has too little memory, or a smaller picture there;
        False where neither helps. It is said at this fraction of the work."""
        give_back()
        if self._device.kind != "cpu":
            name, self._device = self._device.name, describe("cpu")
            self._model.to("cpu", torch.float32)
            give_back()
            slower = Message(
                "{device} has too little memory: slower, on the processor", device=name
            )
            context.report(fraction, slower)
            return True
        if self.config.model_type in ONE_SIZE or getattr(self.config, "is_hybrid", False):
            return False
        self._shrink = 2
        context.report(fraction, "Too little memory: once more with a smaller picture")
        return True

    def _forward(self, image: FloatArray, names: tuple[str, ...]) -> Outputs:
        pixels = self._pixels(image).to(self._device.kind, self._model.dtype)
        with torch.inference_mode():
            outputs = self._model(pixel_values=pixels)
        found = {name: outputs.get(name) for name in names}
        return {n: v[0].float().cpu().numpy() for n, v in found.items() if v is not None}

    def _pixels(self, image: FloatArray) -> torch.Tensor:
        """What the network is fed (1, 3, h, w)."""
        picture = np.rint(np.clip(_within_ratio(image), 0.0, 1.0) * 255).astype(np.uint8)
        options: dict[str, Any] = {"return_tensors": "pt", "input_data_format": "channels_last"}
        if getattr(self._processor, "do_center_crop", None):
            options["do_center_crop"] = False  # the network is to see the whole picture
        if self._takes_squares_only():
            options["keep_aspect_ratio"] = False
        if self._shrink > 1:
            size = dict(self._processor.size)
            options["size"] = {k: v // self._shrink for k, v in size.items() if v is not None}
        return self._processor(images=picture, **options)["pixel_values"]

    def _takes_squares_only(self) -> bool:
        """DPT takes the number of its patches for a square, unless another backbone makes them."""
        config = self.config
        return config.model_type == "dpt" and (config.is_hybrid or config.backbone_config is None)


def named(spec: ModelSpec) -> dict[str, str]:
    """What sentences call a model, and the stage that it is for, as the panel shows them."""
    return {"label": spec.label, "stage": Message(spec.stage.capitalize())}


def as_network_sees(height: int, width: int) -> tuple[int, int]:
    """Size in pixels of the picture that the processor is given for one of this size."""
    limit = max(height, width) / MAX_RATIO
    return max(height, round(limit)), max(width, round(limit))


def _within_ratio(image: FloatArray) -> FloatArray:
    height, width = image.shape[:2]
    wanted = as_network_sees(height, width)
    if wanted == (height, width):
        return image
    return cv2.resize(image, wanted[::-1], interpolation=cv2.INTER_LINEAR)


def _are_finite(outputs: Outputs) -> bool:
    return all(np.isfinite(values).all() for values in outputs.values())


def _read_config(kind: Any, folder: Path, spec: ModelSpec) -> Any:
    """The network's configuration; ModelError where it isn't one of this kind."""
    config = transformers.AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    fitting = kind._model_mapping.get(type(config), ())
    classes = fitting if isinstance(fitting, tuple) else (fitting,)
    wanted = config.architectures or [c.__name__ for c in classes]
    if not {c.__name__ for c in classes} & set(wanted):
        raise ModelError(
            "{label} isn't a model for {stage}: choose another one there.", **named(spec)
        )
    return config


def _read_processor(folder: Path, config: Any) -> Any:
    if config.model_type == "depth_pro":
        return PlainProcessor.from_pretrained(folder, local_files_only=True)
    return transformers.AutoImageProcessor.from_pretrained(
        folder, backend="pil", local_files_only=True, trust_remote_code=False
    )


def _read_model(kind: Any, folder: Path, spec: ModelSpec, dtype: torch.dtype) -> Any:
    model, info = kind.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        variant=spec.variant or None,
        dtype=dtype,
        output_loading_info=True,
    )
    lacking = [key for key in info["missing_keys"] if not UNUSED_WEIGHTS.search(key)]
    if lacking or info["mismatched_keys"] or info["error_msgs"]:
        raise ModelError(
            "{label} lacks weights that {stage} needs: press Download again, or choose another "
            "model.",
            **named(spec),
        )
    return model.eval()


@contextlib.contextmanager
def _explained(spec: ModelSpec) -> Iterator[None]:
    """Turn whatever damaged files make the library raise into one sentence."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise _too_large(spec) from error
        reason = Message("its files are missing, damaged or of another kind")
        if isinstance(error, ImportError):
            reason = Message("it needs a library that Make 4D doesn't bring")
        raise ModelError(
            "{label} can't be loaded because {reason}: press Download again, or choose another "
            "model for {stage}.",
            reason=reason,
            **named(spec),
        ) from error


def _too_large(spec: ModelSpec) -> ModelError:
    return ModelError(
        "There is too little memory for {label}: choose a smaller model for {stage}, or close "
        "other programs.",
        **named(spec),
    )


def _unusable(spec: ModelSpec) -> ModelError:
    return ModelError(
        "{label} failed on this picture: choose another model for {stage}.", **named(spec)
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's warnings and progress bars, which are nothing for an artist."""
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
