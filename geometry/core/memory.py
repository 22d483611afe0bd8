"""Peak memory of this process, for the timings of a job."""

from __future__ import annotations

import sys
from pathlib import Path

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Start a new measurement if the system allows it (Linux); elsewhere the peak only rises."""
    try:
        _CLEAR_REFS.write_text("5", encoding="ascii")
    except OSError:
        return


def peak_mb() -> float:
    """Return peak resident memory in MB since `reset_peak`, 0 if the system doesn't report it."""
    try:
        status = _STATUS.read_text(encoding="ascii")
    except OSError:
        return _peak_of_process_mb()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) / 1024, 1)


def _peak_of_process_mb() -> float:
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20), 1)
