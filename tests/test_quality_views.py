"""Which areas of a frame count as seen, in a scene with known answers; and the real views."""

from __future__ import annotations

from pathlib import Path

import _quality_masks as masks
import _quality_measures as measures
import _quality_views as views
import cv2
import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics
from make_4d.geometry.landscapes.truth import TruthFrame
from messages import raises_message

HEIGHT, WIDTH = 80, 120
CAMERA = Intrinsics(100.0, 60.0, 40.0, WIDTH, HEIGHT)
NEAR, FAR = 4.0, 20.0
BOARD = (0.4, 1.2)  # meters right of the first camera: columns 70 to 89 of the first frame
SKY = 4.0  # meters above: rows 0 to 19


def look(turn: float, position: tuple[float, float, float]) -> np.ndarray:
    """World-to-camera matrix of a camera at a position, turned right by an angle in radians."""
    pose = np.eye(4)
    sine, cosine = np.sin(turn), np.cos(turn)
    pose[:3, :3] = [[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]]
    pose[:3, 3] = -pose[:3, :3] @ position
    return pose


def shot(position: tuple[float, float, float] = (0.0, 0.0, 0.0), turn: float = 0.0) -> TruthFrame:
    """A narrow board in front of a wall under the sky, with smooth colors."""
    pose = look(turn, position)
    rays = np.ones((HEIGHT, WIDTH, 3))
    rays[..., 0] = (np.arange(WIDTH) + 0.5 - CAMERA.cx) / CAMERA.focal
    rays[..., 1] = ((np.arange(HEIGHT) + 0.5 - CAMERA.cy) / CAMERA.focal)[:, None]
    turned = rays @ pose[:3, :3]
    scale = [(z - position[2]) / turned[..., 2] for z in (NEAR, FAR)]
    hits = [position + turned * s[..., None] for s in scale]
    board = (BOARD[0] < hits[0][..., 0]) & (hits[0][..., 0] < BOARD[1])
    sky = (hits[1][..., 1] < -SKY) & ~board
    depth = np.where(board, scale[0], np.where(sky, np.inf, scale[1]))
    point = np.where(board[..., None], hits[0] + 7, hits[1])
    point[sky] = 40 * turned[sky] / np.linalg.norm(turned[sky], axis=-1, keepdims=True)
    image = 0.5 + 0.4 * np.sin(point * (1.1, 0.9, 1.0) + np.roll(point, 1, axis=-1) * 0.4)
    still = np.zeros((HEIGHT, WIDTH), bool)
    return TruthFrame(image.astype(np.float32), depth.astype(np.float32), pose, still)


FIRST = shot()
ASIDE = shot((0.4, 0.0, 0.0))  # the board goes 10 pixels to the left, the wall 2, the sky 0


def columns(area: np.ndarray, rows: slice) -> list[int]:
    """The columns that an area fills in all these rows; it must not fill others partly."""
    assert (area[rows] == area[rows][:1]).all()
    return np.flatnonzero(area[rows][0]).tolist()


def test_areas_beside_a_board() -> None:
    found = masks.areas(FIRST, ASIDE, CAMERA)
    # The board was at 70..89 and is at 60..79; what was the wall's 70..89 is at 68..87 now.
    wall, sky = slice(20, 80), slice(0, 20)
    assert columns(found.revealed, wall) == list(range(80, 88))
    assert columns(found.outside, wall) == [118, 119]
    assert columns(found.revealed, sky) == list(range(80, 90))
    assert columns(found.outside, sky) == []
    assert (found.seen.astype(int) + found.revealed + found.outside == 1).all()
    np.testing.assert_array_equal(masks.seen(FIRST, ASIDE, CAMERA), found.seen)


def test_areas_when_moving_forward() -> None:
    frame = shot((0.2, 0.0, 2.0))
    found = masks.areas(FIRST, frame, CAMERA)
    assert not found.outside.any()
    # Board 0.4..1.2 m at 2 m, from 0.2 m: columns 70..109. The wall behind 2..6 m was hidden, it is
    # at 60 + 100 (1.8 / 18 .. 5.8 / 18) = 70..92.2 now: all of it still behind the board.
    assert columns(found.revealed, slice(25, 80)) == []
    back = masks.areas(frame, FIRST, CAMERA)  # and back again: much is new
    # It sees the wall from -10.6 m to 11 m; the board hides 0.2 + 1.8..9 m of it, our columns 70 to
    # 105, of which our own board has those to 89.
    wall = slice(25, 45)
    assert columns(back.outside, wall)[:7] == [0, 1, 2, 3, 4, 5, 6]
    assert columns(back.revealed, wall) == list(range(90, 106))


def test_surfaces_behind_the_first_camera_are_outside() -> None:
    found = masks.areas(FIRST, shot(turn=np.pi), CAMERA)
    assert found.outside.all()
    right = masks.areas(FIRST, shot(turn=0.5), CAMERA)
    # Column x is at the angle atan((x - 60) / 100) + 0.5; the first image ends at atan(0.6).
    edge = 60 + 100 * np.tan(np.arctan(0.6) - 0.5)
    assert columns(right.outside, slice(38, 42)) == list(range(round(edge), 120))
    assert not right.revealed.any()


def test_slanted_ground_hides_nothing() -> None:
    """Ground isn't hidden even where its depth changes by many meters per pixel."""

    def ground(forward: float) -> TruthFrame:
        below = np.maximum(np.arange(HEIGHT) + 0.5 - CAMERA.cy, 0)[:, None].repeat(WIDTH, 1)
        with np.errstate(divide="ignore"):
            depth = (1.5 * CAMERA.focal / below).astype(np.float32)
        pose = look(0, (0, 0, forward))
        return TruthFrame(np.zeros((*depth.shape, 3)), depth, pose, depth < 0)

    found = masks.areas(ground(0), ground(0.9), CAMERA)
    assert found.seen.all()
    assert masks.warp(ground(0), ground(0.9), CAMERA).valid[:50].mean() > 0.9


def test_warp_to_first_restores_the_first_image() -> None:
    warped, valid = masks.warp_to_first(ASIDE.image, ASIDE, FIRST, CAMERA)
    wall = slice(22, 80)
    assert columns(~valid, wall) == [
        0,
        1,
        *range(62, 70),
    ]  # outside; behind the board now
    clear = valid.copy()
    clear[18:22] = False  # half a pixel at the edge of the sky
    np.testing.assert_allclose(warped[clear], FIRST.image[clear], atol=2e-3)
    assert np.abs(ASIDE.image - FIRST.image)[clear].mean() > 0.02


def test_true_images_are_consistent_and_do_not_flicker() -> None:
    frames = [shot((0.05 * k, 0.0, 0.2 * k), 0.01 * k) for k in range(5)]
    pictures = [frame.image for frame in frames]
    to_first = masks.warps_to_first(frames, CAMERA)
    in_time = masks.warps_in_time(frames, CAMERA)
    assert len(to_first) == 4 and len(in_time) == 3
    good, calm = measures.consistency(pictures, to_first), measures.flicker(pictures, in_time)
    assert good < 0.5 and calm < 0.5
    pictures[2] = np.roll(pictures[2], 1, axis=0)  # a frame that jumps by a pixel
    assert measures.consistency(pictures, to_first) > 2 * good
    assert measures.flicker(pictures, in_time) > 3 * calm


@pytest.fixture(scope="module")
def folder() -> Path:
    found = views.views_folder()
    if found is None:
        pytest.skip("the real views are not on this machine")
    return found


@pytest.fixture(scope="module")
def street(folder) -> views.RealScene:
    return views.load_views(folder / "street")


@pytest.fixture(scope="module")
def stereo(folder) -> views.RealScene:
    return views.load_stereo(folder / "teddy")


def test_environment_variable_names_the_folder_of_views(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("MAKE_4D_SHARED", str(tmp_path))
    assert views.views_folder() is None
    (tmp_path / "views").mkdir()
    assert views.views_folder() == tmp_path / "views"
    for load in (views.load_views, views.load_stereo):
        with pytest.raises(views.ViewsError):
            load(tmp_path / "views")


def test_filled_takes_the_farther_neighbor() -> None:
    levels = np.array([[0, 9, 0, 0, 4, 0], [7, 0, 8, 0, 0, 6]], np.uint8)
    expected = [[9, 9, 4, 4, 4, 4], [7, 7, 8, 6, 6, 6]]
    np.testing.assert_array_equal(views.filled(levels), expected)


def test_undistort_inverts_the_lens_distortion() -> None:
    """A dot at its distorted position moves to its undistorted one."""
    lens, bend = np.array([[300.0, 0, 256], [0, 300.0, 192], [0, 0, 1]]), np.array([-0.1, 0, 0, 0])
    straight = np.array([0.7, 0.5])
    bent = straight * (1 - 0.1 * (straight**2).sum()) * 300 + (256, 192)
    x, y = np.meshgrid(np.arange(512) + 0.5, np.arange(384) + 0.5)
    dot = np.exp(-((x - bent[0]) ** 2 + (y - bent[1]) ** 2) / 4.5)
    image = dot[..., None].repeat(3, 2).astype(np.float32)
    weight = views.undistort(image, lens, bend)[..., 0]
    place = [(part * weight).sum() / weight.sum() for part in (x, y)]
    np.testing.assert_allclose(place, straight * 300 + (256, 192), atol=0.03)


def test_depth_by_points_ignores_outliers(rng) -> None:
    disparity = rng.uniform(0.05, 1, (HEIGHT, WIDTH)).astype(np.float32)
    disparity[:10] = 0
    truth = 1 / (0.8 * disparity.astype(np.float64) - 0.02)
    at = np.column_stack([rng.uniform(0, WIDTH, 90), rng.uniform(10, HEIGHT, 90)])
    column, row = np.floor(at).astype(int).T
    points = np.column_stack([at, truth[row, column]])
    points[:9, 2] = 0.05  # wrongly triangulated, right in front of the camera
    chimneys = np.column_stack([np.arange(60) + 0.5, np.full(60, 5.0), np.full(60, 2.0)])
    points = np.concatenate([points, chimneys])  # where the estimate has sky
    found = views.depth_by_points(disparity, points)
    np.testing.assert_allclose(found[10:], truth[10:], rtol=1e-2)
    assert np.isinf(found[:10]).all()
    with raises_message(views.ViewsError, views.TOO_FEW_POINTS):
        views.depth_by_points(disparity, points[:5])


def test_street_goes_straight_ahead(street) -> None:
    assert len(street.views) == 12 and street.camera.width == 512
    np.testing.assert_array_equal(street.views[0].world_to_camera, np.eye(4))
    ahead = [-v.world_to_camera[:3, :3].T @ v.world_to_camera[:3, 3] for v in street.views]
    steps = np.diff(ahead, axis=0)
    assert (steps[:, 2] > 0.2).all() and (np.abs(steps[:, :2]) < 0.1).all()
    for view in street.views:
        assert view.image.shape == (384, 512, 3) and len(view.points) > 200
        assert len(np.unique(view.points, axis=0)) == len(view.points)
        assert np.isnan(view.frame().depth).all()


def patch(image: np.ndarray, place: np.ndarray, scale: float) -> np.ndarray:
    """13 x 13 gray values around a pixel, `scale` pixels apart, with mean 0 and norm 1."""
    step = np.arange(-6, 7) * scale
    at = np.stack(np.meshgrid(place[0] + step, place[1] + step), axis=-1).astype(np.float32)
    values = measures.sampled(image @ measures.LUMA.astype(np.float32), at)
    values = values - values.mean()
    return values / (np.linalg.norm(values) + 1e-6)


def test_street_points_that_were_seen_look_the_same(street) -> None:
    first = street.views[0]
    for number in (1, 3, 6, 9):
        view, found = street.views[number], views.point_areas(street, number)
        assert not (found.seen & found.revealed).any() and not found.outside.any()
        place, z = views.project_to_first(view.points, view.world_to_camera, street.camera)
        ratio = view.points[:, 2] / z
        soft = cv2.GaussianBlur(view.image, (0, 0), 0.5 / float(np.median(ratio)))
        alike = {}
        for name in ("seen", "revealed"):
            chosen = np.flatnonzero(getattr(found, name))
            assert len(chosen) >= 8
            pairs = [(patch(soft, view.points[k], 1), k) for k in chosen]
            products = [(p * patch(first.image, place[k], ratio[k])).sum() for p, k in pairs]
            alike[name] = float(np.median(products))
        assert alike["seen"] > 0.6 and alike["revealed"] < 0.4, (number, alike)


def test_street_areas_are_discs_around_points(street) -> None:
    points, found = views.point_areas(street, 3), views.view_areas(street, 3)
    place = np.floor(street.views[3].points[:, :2]).astype(int)
    for name in ("seen", "revealed"):
        area, chosen = getattr(found, name), getattr(points, name)
        assert 0.005 < area.mean() < 0.2
        hit = area[place[:, 1], place[:, 0]]
        assert hit[chosen].mean() > 0.95 > 0.1 > hit[~chosen].mean()
    assert not (found.seen & found.revealed).any()


def test_stereo_disparity_maps_one_image_to_the_other(stereo) -> None:
    left, right = stereo.views
    levels = stereo.camera.focal / left.depth[left.observed] / views.STEREO_STEP
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
    found = views.view_areas(stereo, 1)
    shares = [float(area.mean()) for area in (found.seen, found.revealed, found.outside)]
    np.testing.assert_allclose(shares, (0.887, 0.029, 0.061), atol=0.003)
    assert not (found.seen | found.revealed | found.outside)[~right.observed].any()
    warp = masks.warp(right.frame(), left.frame(), stereo.camera)
    predicted = measures.sampled(left.image, warp.position)
    assert measures.psnr(predicted, right.image, found.seen) > 29
    assert measures.psnr(predicted, right.image, found.revealed) < 14
    assert measures.psnr(left.image, right.image, found.seen) < 16
