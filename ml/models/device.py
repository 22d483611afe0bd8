"""The device that networks run on, and its free memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from dataclasses import dataclass

import psutil
import torch

KINDS = ("cuda", "mps", "cpu")


@dataclass(frozen=True)
class Device:
    """A device for networks: kind (of KINDS), name for the artist, memory in bytes."""

    kind: str
    name: str
    free_bytes: int
    total_bytes: int

    @property
    def dtype(self) -> torch.dtype:
        """Half precision on GPUs, single on the CPU, where half is slow."""
        return torch.float32 if self.kind == "cpu" else torch.float16


def choose(preferred: str = "auto") -> Device:
    """Return the preferred device if this computer has it, else the fastest one."""
    present = [kind for kind in KINDS if _is_present(kind)]
    return describe(preferred if preferred in present else present[0])


def describe(kind: str) -> Device:
    """Return a device with its current memory."""
    if kind == "cuda":
        free, total = torch.cuda.mem_get_info()
        return Device(kind, torch.cuda.get_device_name(), free, total)
    memory = psutil.virtual_memory()  # shared with the GPU on Apple's machines
    name = "Apple GPU" if kind == "mps" else f"CPU with {psutil.cpu_count(False) or 1} cores"
    return Device(kind, name, memory.available, memory.total)


def free_memory() -> None:
    """Return unused memory to the operating system."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # no GNU C library
            ctypes.CDLL(None).malloc_trim(0)  # otherwise it keeps gigabytes of small blocks
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of PyTorch or Python means that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


def _is_present(kind: str) -> bool:
    with contextlib.suppress(RuntimeError):  # an outdated or broken driver
        if kind == "cuda":
            return torch.cuda.is_available() and bool(torch.cuda.mem_get_info())
        return kind == "cpu" or torch.backends.mps.is_available()
    return False
