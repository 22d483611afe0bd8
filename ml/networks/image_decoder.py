"""The paper's image decoder (section 3.5), that of 3D Moments: two feature images to a picture.

Its weights bear the names of 3D Moments' checkpoint, so that one loads as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .feature_net import doubled, pad, padded_size

_INPUTS = 37  # red, green, blue, alpha, 32 features, disparity
_GROUP = 32  # channels that are normalized together


class ImageDecoder(nn.Module):
    """Blends the splatted forward and backward clouds and paints the picture with a U-Net.

    alpha: learned; how much the nearer of two points outweighs the farther one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(()))
        self.firstconv = nn.Conv2d(_INPUTS, 32, 7, padding=3, bias=False)
        self.firstprelu = nn.PReLU()
        self.down1 = _Down(32, 64)
        self.down2 = _Down(64, 128)
        self.down3 = _Down(128, 256)
        self.down4 = _Down(256, 512)
        self.conv5 = _ConvPair(512, 512, 512)
        self.up1 = _Up(1024, 512, 256)
        self.up2 = _Up(512, 256, 128)
        self.up3 = _Up(256, 128, 64)
        self.up4 = _Up(128, 64, 32)
        self.outc = _Output(64, 3)

    def forward(self, first: Tensor, second: Tensor, time: float) -> Tensor:
        """A picture (N, 3, H, W), sRGB 0..1, of two images (N, 37, H, W) of any size.

        first, second: the forward and the backward cloud, splatted: red, green, blue, alpha, 32
        features, disparity 0..1. time: 0 for the first image, 1 for the second. Images whose size
        isn't a multiple of 16, or is below 32, are padded all around and the picture is cropped.
        """
        image = self.blend(first, second, time)
        height, width = image.shape[-2:]
        size = padded_size(height), padded_size(width)
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        painted = self._paint(pad(image, (top, left), size))
        return painted[..., top : top + height, left : left + width]

    def blend(self, first: Tensor, second: Tensor, time: float) -> Tensor:
        """The two images as one, weighed per pixel: zero where both are empty.

        An image's weight is its share of the time * exp(alpha * disparity) * its alpha channel,
        divided by the sum of both weights or 1e-6, whichever is larger.
        """
        weight = (1.0 - time) * self._weight(first)
        other = time * self._weight(second)
        total = (weight + other).clamp(min=1e-6)
        return weight / total * first + other / total * second

    def _weight(self, image: Tensor) -> Tensor:
        return torch.exp(self.alpha * image[:, -1:]) * image[:, 3:4]

    def _paint(self, image: Tensor) -> Tensor:
        """The U-Net: an image whose height and width are multiples of 16 to a picture."""
        first = self.firstprelu(self.firstconv(image))
        half = self.down1(first)
        quarter = self.down2(half[1])
        eighth = self.down3(quarter[1])
        sixteenth = self.down4(eighth[1])
        deepest = self.conv5(sixteenth[1])[1]
        # The checkpoint was trained with an up1 that doubles what is already of the right size and
        # keeps its middle; painting without this doubling would differ from the paper.
        rising = self.up1(_middle(doubled(deepest), sixteenth[1]), sixteenth)
        rising = self.up2(doubled(rising), eighth)
        rising = self.up3(doubled(rising), quarter)
        rising = self.up4(doubled(rising), half)
        return self.outc(torch.cat([first, doubled(rising)], 1))


class _ConvPair(nn.Module):
    """Two convolutions, each normalized by groups; gives what comes after either of them.

    skip: channels that join between the two.
    """

    def __init__(self, inputs: int, middle: int, outputs: int, skip: int = 0) -> None:
        super().__init__()
        self.double_conv1 = _conv_norm_prelu(inputs, middle)
        self.double_conv2 = _conv_norm_prelu(skip + middle, outputs)

    def forward(self, image: Tensor, skip: Tensor | None = None) -> tuple[Tensor, Tensor]:
        middle = self.double_conv1(image)
        joined = middle if skip is None else torch.cat([skip, middle], 1)
        return middle, self.double_conv2(joined)


class _Down(nn.Module):
    """Halves the size, then convolves twice; gives what comes after either convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), _ConvPair(inputs, outputs, outputs))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.maxpool_conv(image)


class _Up(nn.Module):
    """Convolves twice; both images of the way down join, the later one first."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.conv = _ConvPair(inputs, middle, outputs, skip=middle)

    def forward(self, image: Tensor, skips: tuple[Tensor, Tensor]) -> Tensor:
        early, late = skips
        return self.conv(torch.cat([late, image], 1), early)[1]


class _Output(nn.Module):
    """The last convolution: to red, green and blue in 0..1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")

    def forward(self, image: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(image))


def _conv_norm_prelu(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"),
        nn.GroupNorm(outputs // _GROUP, outputs),
        nn.PReLU(),
    )


def _middle(image: Tensor, like: Tensor) -> Tensor:
    """The middle of an image that is twice as large as `like`, as large as that."""
    height, width = like.shape[-2:]
    top, left = (height + 1) // 2, (width + 1) // 2
    return image[..., top : top + height, left : left + width]
