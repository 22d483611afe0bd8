"""The paper's image decoder (section 3.5), that of 3D Moments: two feature images to one image.

Its weights have the names of 3D Moments' checkpoint, so that one loads without conversion.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .feature_net import pad, padded_size, upsample_2x

_INPUTS = 37  # red, green, blue, alpha, 32 features, disparity
_GROUP = 32  # channels in a normalization group


class ImageDecoder(nn.Module):
    """Blends the splatted forward and backward clouds and decodes the result with a U-Net.

    Attributes:
        alpha: Learned; how much the nearer of two points outweighs the farther one.
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

    def forward(self, forward_image: Tensor, backward_image: Tensor, phase: float) -> Tensor:
        """Return an image (N, 3, H, W), sRGB 0..1, of any size.

        Inputs whose size isn't a multiple of 16, or is below 32, are padded on all sides, and the
        image is cropped.

        Args:
            forward_image: (N, 37, H, W) the splatted forward cloud: red, green, blue, alpha, 32
                features, disparity 0..1.
            backward_image: (N, 37, H, W) the splatted backward cloud.
            phase: 0 for the forward image only, 1 for the backward one only.
        """
        image = self.blend(forward_image, backward_image, phase)
        height, width = image.shape[-2:]
        size = padded_size(height), padded_size(width)
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        decoded = self._unet(pad(image, (top, left), size))
        return decoded[..., top : top + height, left : left + width]

    def blend(self, forward_image: Tensor, backward_image: Tensor, phase: float) -> Tensor:
        """Return the weighted mean of both images (N, 37, H, W), zero where both are empty.

        An image's weight is (1 - phase) or phase, times exp(alpha * disparity), times its alpha
        channel, divided by the sum of both weights or 1e-6, whichever is larger.
        """
        forward_weight = (1.0 - phase) * self._weight(forward_image)
        backward_weight = phase * self._weight(backward_image)
        total = (forward_weight + backward_weight).clamp(min=1e-6)
        return forward_weight / total * forward_image + backward_weight / total * backward_image

    def _weight(self, image: Tensor) -> Tensor:
        return torch.exp(self.alpha * image[:, -1:]) * image[:, 3:4]

    def _unet(self, image: Tensor) -> Tensor:
        """Apply the U-Net to an image whose height and width are multiples of 16."""
        full = self.firstprelu(self.firstconv(image))
        half = self.down1(full)
        quarter = self.down2(half[1])
        eighth = self.down3(quarter[1])
        sixteenth = self.down4(eighth[1])
        deepest = self.conv5(sixteenth[1])[1]
        # The checkpoint was trained with an up1 that doubles an image of the right size and crops
        # its center; without this doubling the result would differ from the paper's.
        up = self.up1(_center_crop(upsample_2x(deepest), sixteenth[1]), sixteenth)
        up = self.up2(upsample_2x(up), eighth)
        up = self.up3(upsample_2x(up), quarter)
        up = self.up4(upsample_2x(up), half)
        return self.outc(torch.cat([full, upsample_2x(up)], 1))


class _ConvPair(nn.Module):
    """Two convolutions, each with group normalization; returns the output of both.

    `skip` is the number of channels that are concatenated between the two.
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
    """Halves the size, then convolves twice; returns the output of both convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), _ConvPair(inputs, outputs, outputs))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.maxpool_conv(image)


class _Up(nn.Module):
    """Convolves twice; the two images of the same level on the way down are concatenated.

    The later of the two is concatenated first.
    """

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.conv = _ConvPair(inputs, middle, outputs, skip=middle)

    def forward(self, image: Tensor, skips: tuple[Tensor, Tensor]) -> Tensor:
        early, late = skips
        return self.conv(torch.cat([late, image], 1), early)[1]


class _Output(nn.Module):
    """The last convolution, to red, green and blue in 0..1."""

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


def _center_crop(image: Tensor, like: Tensor) -> Tensor:
    """Return the center of an image twice as large as `like`, cropped to the size of `like`."""
    height, width = like.shape[-2:]
    top, left = (height + 1) // 2, (width + 1) // 2
    return image[..., top : top + height, left : left + width]
