"""The paper's feature extractor (section 3.3): that of 3D Moments, based on IBRNet's.

Its weights have the names of 3D Moments' checkpoint, so that one loads without conversion.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 32
"""Number of features."""
CELL_SIZE = 4
"""Pixels of the input, along each axis, that share one cell of features."""
_MULTIPLE = 16  # the deepest maps are a sixteenth of the input
_SMALLEST = 2 * _MULTIPLE  # reflecting the deepest maps needs two of their cells


def padded_size(size: int) -> int:
    """Return the next size that the networks accept: a multiple of 16 of at least 32 pixels."""
    return max(_SMALLEST, -(-size // _MULTIPLE) * _MULTIPLE)


def pad(image: Tensor, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Extend an image (N, C, H, W) beyond its borders.

    The image is mirrored at its borders if it is larger than the extension, else its border is
    repeated.

    Args:
        image: (N, C, H, W).
        before: Rows to add above and columns to add on the left.
        size: Resulting (rows, columns) in pixels.
    """
    height, width = image.shape[-2:]
    top, left = before
    bottom, right = size[0] - height - top, size[1] - width - left
    if not (top or left or bottom or right):
        return image
    can_reflect = height > max(top, bottom) and width > max(left, right)
    mode = "reflect" if can_reflect else "replicate"
    return functional.pad(image, (left, right, top, bottom), mode=mode)


class FeatureNet(nn.Module):
    """RGBA images to features at a quarter of their size: three stages of a ResNet-34, two up.

    Its normalization uses the statistics of the current batch, in inference as in training, so that
    the result for one image depends on the others.
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
        """Return the features (N, 32, ceil(H / 4), ceil(W / 4)) of images (N, 4, H, W), 0..1, of
        any size.

        Cell (i, j) covers the pixels from (4 i, 4 j) on. An image whose size isn't a multiple of
        16, or is below 32, is padded at the bottom and right, and its features are cropped.
        """
        height, width = rgba.shape[-2:]
        padded = pad(rgba, (0, 0), (padded_size(height), padded_size(width)))
        return self._features(padded)[..., : -(-height // CELL_SIZE), : -(-width // CELL_SIZE)]

    def _features(self, rgba: Tensor) -> Tensor:
        """Return the features of images whose height and width are multiples of 16."""
        half = functional.relu(self.bn1(self.conv1(rgba)))
        quarter = self.layer1(functional.max_pool2d(half, 3, stride=2, padding=1))
        eighth = self.layer2(quarter)
        sixteenth = self.layer3(eighth)
        eighth = self.iconv3(torch.cat([self.upconv3(sixteenth), eighth], 1))
        quarter = self.iconv2(torch.cat([self.upconv2(eighth), quarter], 1))
        return self.out_conv(quarter)


class _Residual(nn.Module):
    """ResNet's basic block: two 3x3 convolutions plus the input or a 1x1 convolution of it."""

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
        residual = functional.relu(self.bn1(self.conv1(image)))
        return functional.relu(self.bn2(self.conv2(residual)) + self.downsample(image))


class _ConvNormElu(nn.Module):
    """A 3x3 convolution, normalization, and the exponential linear unit."""

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
        return self.conv(upsample_2x(image))


def upsample_2x(image: Tensor) -> Tensor:
    """Return an image (N, C, H, W) at twice its size, with corner pixels aligned."""
    return functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=True)


def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (_Residual(outputs, outputs, 1) for _ in range(blocks - 1))
    return nn.Sequential(_Residual(inputs, outputs, stride), *rest)


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    padding = size // 2
    return nn.Conv2d(inputs, outputs, size, stride, padding, bias=bias, padding_mode="reflect")


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, track_running_stats=False)
