"""Outpainting: the photo is unchanged, sky stays above ground, and nothing is mirrored."""

import numpy as np
import pytest
from make_4d.ml.classical.outpaint import extend_sky, outpaint
from test_completion import gradient_energy, texture

MARGINS = (20, 26, 16, 30)


def landscape(height=80, width=110, horizon=36):
    """Sky with a gradient over textured ground, and the sky mask."""
    rows = np.arange(height, dtype=np.float32)[:, None, None]
    sky = np.float32([0.45, 0.65, 0.95]) + 0.004 * rows * np.float32([1.0, 0.6, 0.0])
    ground = texture(height, width, 2, low=0.1, high=0.5) * np.float32([1.0, 0.8, 0.3])
    mask = np.broadcast_to(rows[..., 0] < horizon, (height, width))
    image = np.where(mask[..., None], np.broadcast_to(sky, ground.shape), ground)
    return image.astype(np.float32), mask.astype(np.float32)


@pytest.fixture(scope="module")
def outpainted():
    image, sky = landscape()
    return image, sky, outpaint(image, MARGINS, sky=sky, seed=3)


def test_photo_is_unchanged(outpainted):
    image, _, result = outpainted
    top, right, bottom, left = MARGINS
    assert result.shape == (80 + top + bottom, 110 + left + right, 3)
    assert result.dtype == np.float32
    assert np.array_equal(result[top : top + 80, left : left + 110], image)


def test_sky_stays_sky_and_ground_stays_ground(outpainted):
    _, _, result = outpainted
    blue = result[..., 2] > result[..., 0] + 0.1
    horizon = MARGINS[0] + 36
    assert blue[: horizon - 3].mean() > 0.99
    assert blue[horizon + 3 :].mean() < 0.03


def test_sky_gradient_continues_without_ground_texture(outpainted):
    _, _, result = outpainted
    top = result[: MARGINS[0] + 30]
    assert np.abs(np.diff(top, axis=0)).max() < 0.03
    assert np.abs(np.diff(top, axis=1)).max() < 0.03


def test_ground_has_the_texture_of_the_photo(outpainted):
    image, sky, result = outpainted
    margin = np.zeros(result.shape[:2], bool)
    margin[MARGINS[0] + 40 :] = True
    margin[:, MARGINS[3] : MARGINS[3] + 110] = False
    assert 0.5 < gradient_energy(result, margin) / gradient_energy(image, sky < 0.5) < 1.8


def test_border_is_neither_a_seam_nor_a_mirror(outpainted):
    _image, _sky, result = outpainted
    top, _, _, left = MARGINS
    ground = slice(top + 40, top + 80)
    across = np.abs(np.diff(result, axis=1)).mean(2)[ground]
    typical = across[:, left + 1 : left + 100].mean()
    assert across[:, left - 1].mean() < 1.4 * typical
    inner = result[ground, left : left + 20].mean(2)
    mirror = result[ground, left - 20 : left].mean(2)[:, ::-1]
    assert np.corrcoef(inner.ravel(), mirror.ravel())[0, 1] < 0.5


def test_isolated_objects_are_not_copied():
    image, sky = landscape(90, 120)
    trees = texture(90, 12, 9, low=0.05, high=0.4) * np.float32([0.4, 1.0, 0.3])
    image[12:, :12], sky[12:, :12] = trees[12:], 0.0
    tower = texture(90, 26, 11, low=0.3, high=0.9) * np.float32([1.0, 0.15, 0.1])
    image[12:70, 50:76], sky[12:70, 50:76] = tower[12:70], 0.0
    result = outpaint(image, (20, 40, 20, 40), sky=sky)
    red = result[..., 0] > 2.5 * result[..., 1] + 0.1
    assert red[20:110, 90:116].mean() > 0.3
    red[20:110, 40:160] = False
    assert red.mean() < 0.004


def test_object_cut_by_the_top_border_ends_above_it():
    sky = np.ones((40, 60), bool)
    sky[:, 20:30] = False
    outpainted_sky = extend_sky(sky, (30, 0, 0, 0))
    assert outpainted_sky[:15].all()
    assert not outpainted_sky[28:30, 24:26].any()
    assert np.array_equal(outpainted_sky[30:], sky)


def test_skyline_approaches_its_typical_height():
    sky = np.broadcast_to(np.arange(60)[:, None] < 30, (60, 90)).copy()
    sky[10:, :4] = False
    outpainted_sky = extend_sky(sky, (0, 0, 0, 30))
    heights = outpainted_sky.sum(0)
    assert heights[29] < 15 and heights[0] == 30
    assert (np.diff(heights[:30]) <= 0).all()


def test_photo_without_sky_gets_none():
    assert not extend_sky(np.zeros((20, 30), bool), (10, 10, 10, 10)).any()


def test_seed_determines_the_result():
    image, sky = landscape(40, 50, 16)
    first = outpaint(image, (10, 10, 10, 10), sky=sky, seed=5)
    assert np.array_equal(first, outpaint(image, (10, 10, 10, 10), sky=sky, seed=5))


def test_zero_margins_return_the_photo():
    image, sky = landscape(30, 40, 12)
    assert np.array_equal(outpaint(image, (0, 0, 0, 0), sky=sky), image)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 120), (60, 4)])
@pytest.mark.parametrize("with_sky", [False, True])
def test_tiny_photos(shape, with_sky):
    image = texture(64, 128, 1)[: shape[0], : shape[1]]
    sky = np.full(shape, 1.0, np.float32) if with_sky else None
    result = outpaint(image, (3, 9, 4, 8), sky=sky)
    assert result.shape == (shape[0] + 7, shape[1] + 17, 3)
    assert np.isfinite(result).all() and result.min() >= 0.0 and result.max() <= 1.0
    assert np.array_equal(result[3 : 3 + shape[0], 8 : 8 + shape[1]], image)


def test_invalid_input_is_rejected():
    image, sky = landscape(30, 40, 12)
    with pytest.raises(ValueError):
        outpaint(image, (1, -1, 0, 0))
    with pytest.raises(ValueError):
        outpaint(image, (1, 1, 1, 1), sky=sky[:-1])
    with pytest.raises(ValueError):
        outpaint(image[:0], (1, 1, 1, 1))


def test_photographs_keep_their_texture(shared):
    import cv2

    photo = cv2.imread(str(shared / "photos" / "waterfall.jpg"))[..., ::-1]
    image = cv2.resize(photo, (192, 108), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    result = outpaint(image, (48, 48, 48, 48))
    margin = np.ones(result.shape[:2], bool)
    margin[48:156, 48:240] = False
    assert (
        0.4
        < gradient_energy(result, margin) / gradient_energy(image, np.ones((108, 192), bool))
        < 2.0
    )


def pier(height, width, column, row, corner=(0.0, 0.0)):
    """Dark planks with light joints on bright water, whose edges meet at a column and row."""
    y, x = np.indices((height, width), np.float32)
    down, across = y + corner[0] - row, x + corner[1] - column
    line = across / np.maximum(down, 1.0)
    planks = (np.abs(line) < 1.0) & (down > 4)
    joint = (np.abs(line[..., None] - np.linspace(-0.8, 0.8, 5)) < 0.05).any(axis=-1)
    image = np.where(planks, np.where(joint, 0.5, 0.2), 0.75)
    return np.repeat(image[..., None], 3, axis=2).astype(np.float32), planks


def test_a_pier_goes_on_along_its_lines():
    """It gets wider toward the camera, as no copy of the rows above it does."""
    image, _ = pier(160, 240, 120, 20)
    sky = np.zeros(image.shape[:2], np.float32)
    sky[:20] = 1.0
    margins = (0, 50, 50, 50)
    _, planks = pier(210, 340, 120, 20, (0.0, -50.0))
    margin = np.ones(planks.shape, bool)
    margin[:160, 50:290] = False
    margin[:30] = False

    def agreement(result):
        return ((result.mean(axis=2) < 0.6) == planks)[margin].mean()

    along = outpaint(image, margins, sky=sky, vanishing_point=(120.0, 20.0), seed=1)
    assert np.array_equal(along[:160, 50:290], image)
    assert agreement(along) > 0.96
    assert agreement(along) > agreement(outpaint(image, margins, sky=sky, seed=1)) + 0.05


def test_a_hill_at_the_side_goes_on_as_a_slope_and_a_tower_ends():
    rows, columns = np.indices((100, 160))
    sky = (rows < 70) & (columns - rows > 60) & ~((columns > 110) & (columns < 120))
    extended = extend_sky(sky, (40, 0, 0, 0))
    edges = [np.flatnonzero(extended[39 - row])[0] for row in range(36)]
    np.testing.assert_allclose(edges, 60 - np.arange(36), atol=3)
    assert not extended[38:40, 113:118].any() and extended[:30, 108:122].all()
