"""The model cache: a model is loaded once per stage, and freed when it is no longer needed."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")

from make_4d.ml.common.job_settings import Resources
from make_4d.ml.common.registry import models_for
from make_4d.ml.models.device import Device
from make_4d.ml.models.model_cache import ModelCache

FIRST, SECOND = models_for("depth")[:2]


class Model:
    """A fake model that knows whether it was closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Loads:
    """A model cache on a device with some free memory, and the models loaded into it."""

    def __init__(self, free_bytes: int, keep: bool = False) -> None:
        self.cache = ModelCache(Resources(keep_models=keep))
        self.cache.device = lambda: Device("cpu", "a CPU", free_bytes, free_bytes)
        self.models = []

    def take(self, spec):
        return self.cache._take(spec, (spec.key,), self._load)

    def _load(self) -> Model:
        self.models.append(Model())
        return self.models[-1]


def test_alternating_models_are_loaded_once_each():
    loads = Loads(1 << 40)
    taken = [loads.take(spec) for spec in (FIRST, SECOND, FIRST, SECOND)]
    assert len(loads.models) == 2 and taken[0] is taken[2] and taken[1] is taken[3]


def test_a_model_is_freed_for_another_if_memory_is_short():
    loads = Loads(1 << 20)
    first = loads.take(FIRST)
    second = loads.take(SECOND)
    assert first.is_closed and not second.is_closed


@pytest.mark.parametrize("keep", [False, True])
def test_models_are_freed_after_the_stage_unless_they_are_kept(keep):
    loads = Loads(1 << 40, keep)
    model = loads.take(FIRST)
    loads.cache.release()
    assert model.is_closed == (not keep)
    loads.cache.close()
    assert model.is_closed
