"""Labels from the network where nobody labeled anything."""

import numpy as np
from make_4d.geometry.worlds.samples import Kind, StoredSample
from make_4d.ml.scene.maps import CHANNELS, Map
from make_4d.ml.training.self_labels import self_labeled

SURE, UNSURE = 6.0, 0.5


class Teacher:
    """Sees sky over flat ground, with a doubtful right third, and depth that it is sure of or not.

    Args:
        shake: By how much the log disparities of its looks differ in the lower half.
    """

    def __init__(self, shake=0.0):
        self.shake, self.looks = shake, 0

    def look(self, image, longer_side):
        scale = longer_side / 2 / max(image.shape[:2])
        height, width = (round(n * scale) for n in image.shape[:2])
        maps = np.full((CHANNELS, height, width), -SURE, np.float32)
        maps[Map.SKY, : height // 2] = SURE
        maps[Map.FLAT, height // 2 :] = SURE
        maps[(Map.SKY, Map.FLAT), :, width * 2 // 3 :] *= UNSURE / SURE
        maps[Map.LOG_DISPARITY] = np.where(maps[Map.SKY] > 0, -6.0, -1.0)
        self.looks += 1
        if self.looks % 2 == 0:
            maps = np.ascontiguousarray(maps[..., ::-1])
        ramp = np.linspace(-1, 1, width) * self.shake * (-1) ** (self.looks // 2)
        maps[Map.LOG_DISPARITY] += ramp.astype(np.float32)
        return maps


def sample():
    """A picture of which only a stripe at the left is labeled."""
    shape = (60, 90)
    kind = np.full(shape, Kind.IGNORED, np.uint8)
    kind[:, :10] = Kind.UPRIGHT
    return StoredSample(
        image=np.full((*shape, 3), 128, np.uint8),
        disparity=np.full(shape, np.nan, np.float16),
        sky=np.zeros(shape, np.uint8),
        clouds=np.zeros(shape, np.uint8),
        kind=kind,
        veiled=np.zeros(shape, np.uint8),
        camera=np.full(4, np.nan, np.float32),
    )


def test_what_is_known_stays_and_what_is_sure_is_filled_in():
    before = sample()
    after = self_labeled(before, Teacher())
    assert (after.kind[:, :10] == Kind.UPRIGHT).all()
    assert (after.kind[5:25, 15:50] == Kind.SKY).all()
    assert (after.sky[5:25, 15:50] == 255).all() and not after.disparity[5:25, 15:50].any()
    assert (after.kind[35:, 15:50] == Kind.FLAT).all()
    assert np.isfinite(after.disparity[35:55, 15:50].astype(float)).all()


def test_what_is_doubtful_stays_unknown():
    after = self_labeled(sample(), Teacher())
    assert (after.kind[:, 68:] == Kind.IGNORED).all()
    assert np.isnan(after.disparity[:, 68:].astype(float)).all()


def test_depth_is_taught_only_where_the_looks_agree():
    after = self_labeled(sample(), Teacher(shake=0.5))
    assert (after.kind[35:, 15:30] == Kind.FLAT).all()
    assert np.isnan(after.disparity[35:, 12:20].astype(float)).all()


def test_what_haze_hides_is_left_alone():
    hazy = sample()
    hazy.veiled[:] = 1
    after = self_labeled(hazy, Teacher())
    np.testing.assert_array_equal(after.kind, hazy.kind)
    assert np.isnan(after.disparity.astype(float)).all()
