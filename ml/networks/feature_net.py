"""The paper's feature extractor (section 3.3): that of 3D Moments, after IBRNet's.

Its weights bear the names of 3D Moments' checkpoint, so that one loads as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 32
"""Features of a pixel."""
STEP = 4
"""Pixels of the input, along each side, that share one cell of features."""
_MULTIPLE = 16  # the deepest maps are a sixteenth of the input
_SMALLEST = 2 * _MULTIPLE  # reflecting the deepest maps takes two of their cells


def padded_size(size: int) -> int:
    """The next size that the networks take: a multiple of 16 of at least 32 pixels."""
    return max(_SMALLEST, -(-size // _MULTIPLE) * _MULTIPLE)


def pad(image: Tensor, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """An image (N, C, H, W) that goes on beyond its borders, of `size` in pixels (rows, columns).

    before: rows above and columns left of the image. It is mirrored at its border where it is
    larger than what is added, and its border repeated elsewhere.
    """
    height, width = image.shape[-2:]
    top, left = before
    bottom, right = size[0] - height - top, size[1] - width - left
    if not (top or left or bottom or right):
        return image
    mirrors = height > max(top, bottom) and width > max(left, right)
    mode = "reflect" if mirrors else "replicate"
    return functional.pad(image, (left, right, top, bottom), mode=mode)


class FeatureNet(nn.Module):
    """RGBA images to features at a quarter of their size: three stages of a ResNet-34, two up.

    Its normalization takes the statistics of the images at hand, in use as in training, and of all
    images of a batch together: what one image gives depends on those beside it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv(4, 64, 7, stride=2)
        self.bn1 = _norm(64)
        self.layer1 = _stage(64, 64, 3, stride=1)
        self.layer2 = _stage(64, 128, 4, stride=2)
        self.layer3 = _stage(128, 256, 6, stride=2)
        self.upconv3 = _UpConv(256, 128)
        self.iconv3 = _ConvNormElu(256, 128)
        self.upconv2 = _UpConv(128, 64)
        self.iconv2 = _ConvNormElu(128, CHANNELS)
        self.out_conv = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, rgba: Tensor) -> Tensor:
        """Features (N, 32, ceil(H / 4), ceil(W / 4)) of images (N, 4, H, W), 0..1, of any size.

        Cell (i, j) is of the pixels from (4 i, 4 j) on. A size that isn't a multiple of 16, or is
        below 32, is padded at its bottom and right, and the features are cropped.
        """
        height, width = rgba.shape[-2:]
        outpainted = pad(rgba, (0, 0), (padded_size(height), padded_size(width)))
        return self._features(outpainted)[..., : -(-height // STEP), : -(-width // STEP)]

    def _features(self, rgba: Tensor) -> Tensor:
        """Features of images whose height and width are multiples of 16."""
        half = functional.relu(self.bn1(self.conv1(rgba)))
        quarter = self.layer1(functional.max_pool2d(half, 3, stride=2, padding=1))
        eighth = self.layer2(quarter)
        sixteenth = self.layer3(eighth)
        eighth = self.iconv3(torch.cat([self.upconv3(sixteenth), eighth], 1))
        quarter = self.iconv2(torch.cat([self.upconv2(eighth), quarter], 1))
        return self.out_conv(quarter)


class _Residual(nn.Module):
    """ResNet's basic block: two 3x3 convolutions beside the input, or beside a 1x1 of it."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs, 3, stride)
        self.bn1 = _norm(outputs)
        self.conv2 = _conv(outputs, outputs, 3)
        self.bn2 = _norm(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1:
            self.downsample = nn.Sequential(_conv(inputs, outputs, 1, stride), _norm(outputs))

    def forward(self, image: Tensor) -> Tensor:
        change = functional.relu(self.bn1(self.conv1(image)))
        return functional.relu(self.bn2(self.conv2(change)) + self.downsample(image))


class _ConvNormElu(nn.Module):
    """A 3x3 convolution, normalized, and the exponential linear unit."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _conv(inputs, outputs, 3, bias=True)
        self.bn = _norm(outputs)

    def forward(self, image: Tensor) -> Tensor:
        return functional.elu(self.bn(self.conv(image)))


class _UpConv(nn.Module):
    """Doubles the size, then convolves."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _ConvNormElu(inputs, outputs)

    def forward(self, image: Tensor) -> Tensor:
        return self.conv(doubled(image))


def doubled(image: Tensor) -> Tensor:
    """An image (N, C, H, W) at twice its size, its corner pixels in the corners."""
    return functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=True)


def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (_Residual(outputs, outputs, 1) for _ in range(blocks - 1))
    return nn.Sequential(_Residual(inputs, outputs, stride), *rest)


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    edge = size // 2
    return nn.Conv2d(inputs, outputs, size, stride, edge, bias=bias, padding_mode="reflect")


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, track_running_stats=False)
