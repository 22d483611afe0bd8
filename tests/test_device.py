"""The device for networks: which one is chosen, running out of memory, freeing memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")

from make_4d.ml.models import device

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import conftest, psutil, torch
from make_4d.ml.models import device

def megabytes():
    return psutil.Process().memory_info().rss / 2**20

before = megabytes()
# Many pieces of a size that the C library takes from its heap, as a network's weights are.
pieces = [torch.ones(20_000) for _ in range(5_000)]
held = megabytes()
last = pieces[-1]
del pieces
device.free_memory()
print(held - before, megabytes() - before)
"""


def test_there_is_always_a_device():
    chosen = device.choose("auto")
    assert chosen.kind in device.KINDS and chosen.name
    assert 0 < chosen.free_bytes <= chosen.total_bytes
    assert device.choose("cpu").kind == "cpu"
    assert device.choose("cpu").dtype == torch.float32


def test_a_missing_device_is_replaced(monkeypatch):
    monkeypatch.setattr(device, "_is_present", lambda kind: kind == "cpu")
    assert device.choose("cuda").kind == "cpu" and device.choose("mps").kind == "cpu"


def test_a_device_with_a_broken_driver_is_not_present(monkeypatch):
    def broken():
        raise RuntimeError("CUDA driver version is insufficient")

    monkeypatch.setattr(torch.cuda, "is_available", broken)
    assert not device._is_present("cuda") and device._is_present("cpu")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), True),
        (RuntimeError("shapes don't fit"), False),
        (ValueError("out of memory"), False),
    ],
    ids=repr,
)
def test_out_of_memory_errors_are_recognized(error, expected):
    assert device.is_out_of_memory(error) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="the system's numbers are Linux's")
def test_memory_is_returned_to_the_system():
    program = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=True)
    held, left = (float(number) for number in done.stdout.split()[-2:])
    assert held > 300 and left < 0.2 * held
