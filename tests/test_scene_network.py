"""The scene network's file in OpenCV: sizes, determinism, and what can be wrong with it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from make_4d.ml.common.errors import ModelError
from make_4d.ml.scene import network
from make_4d.ml.scene.maps import CHANNELS, MULTIPLE, Map
from make_4d.ml.scene.network import SceneNetwork, input_size
from messages import raises_message


@pytest.fixture(scope="module")
def scene_network():
    return SceneNetwork()


def test_the_network_is_small():
    assert network.WEIGHTS.stat().st_size < 8e6


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((340, 512), (288, 448)),
        ((1280, 1920), (288, 448)),
        ((1920, 1080), (448, 256)),
        ((64, 96), (160, 256)),
        ((64, 512), (64, 448)),
        ((1, 1), (256, 256)),
        ((1, 300), (32, 288)),
    ],
)
def test_images_keep_their_proportions_about(shape, expected):
    assert input_size(*shape) == expected
    assert not any(n % MULTIPLE for n in expected)


@pytest.mark.parametrize("shape", [(342, 512), (90, 60), (1, 1), (2, 300)])
def test_maps_are_finite_and_half_as_large(scene_network, rng, shape):
    maps = scene_network.maps(rng.random((*shape, 3), np.float32)).maps
    assert maps.shape == (CHANNELS, *(n // 2 for n in input_size(*shape)))
    assert maps.dtype == np.float32 and np.isfinite(maps).all()


def test_maps_are_the_same_every_time(scene_network, rng):
    image = rng.random((90, 120, 3), np.float32)
    first = scene_network.maps(image).maps
    scene_network.maps(rng.random((120, 90, 3), np.float32))
    np.testing.assert_array_equal(scene_network.maps(image).maps, first)
    np.testing.assert_array_equal(SceneNetwork().maps(image).maps, first)


def test_looks_that_differ_in_the_sky_alone_agree_on_what_stands_before_it(monkeypatch):
    class Two:
        """Two looks at a house before the sky, which is deeper at the smaller look."""

        def setInput(self, blob, name):  # noqa: N802 - OpenCV's name
            self.size = blob.shape[2:]

        def forward(self, name):
            rows, columns = (n // 2 for n in self.size)
            maps = np.zeros((1, CHANNELS, rows, columns), np.float32)
            house = np.zeros((rows, columns), bool)
            house[rows // 3 :, columns // 4 : 3 * columns // 4] = True
            deep = -9.0 if columns < 224 else -4.0
            maps[0, Map.LOG_DISPARITY] = np.where(house, -1.0, deep)
            maps[0, Map.SKY] = np.where(house, -9.0, 9.0)
            return maps

    scene_network = SceneNetwork()
    monkeypatch.setattr(scene_network, "_net", Two())
    maps = scene_network.maps(np.zeros((288, 448, 3), np.float32)).maps
    house = cv2.erode((maps[Map.SKY] < -5).astype(np.uint8), np.ones((5, 5))) > 0
    assert house.sum() > 1000
    np.testing.assert_allclose(maps[Map.LOG_DISPARITY][house], -1.0, atol=0.1)


def test_a_missing_file_is_reported(tmp_path):
    with raises_message(ModelError, network.MISSING):
        SceneNetwork(tmp_path / "gone.onnx")


@pytest.mark.parametrize("kept", [0, 100, 50_000])
def test_a_damaged_file_is_reported(tmp_path, kept):
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(network.WEIGHTS.read_bytes()[:kept])
    with raises_message(ModelError, network.UNREADABLE, version=cv2.__version__):
        SceneNetwork(torn)


def test_a_network_that_fails_is_reported(scene_network, rng, monkeypatch):
    class Failing:
        def setInput(self, blob, name):  # noqa: N802 - OpenCV's name
            raise cv2.error("layer not supported")

    broken = SceneNetwork()
    monkeypatch.setattr(broken, "_net", Failing())
    with raises_message(ModelError, network.UNUSABLE):
        broken.maps(rng.random((90, 120, 3), np.float32))


def test_a_file_may_have_any_name(tmp_path):
    file = tmp_path / "Szenen-Netz für ü ☃.onnx"
    file.write_bytes(network.WEIGHTS.read_bytes())
    SceneNetwork(file)
