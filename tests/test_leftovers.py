"""Nothing is left behind: Blender quits, crashes, or loses the add-on in the middle of a job."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("bpy", reason="Blender's module is not installed")

from lake_scene import write_lake

PROGRAM = """
import os, sys
sys.path.insert(0, {tests!r})
import conftest, bpy, make_4d
from make_4d.ml.common.job_settings import JobSettings
from make_4d.jobs.manager import manager, tick
make_4d.register()
jobs = manager()
for seed in (1, 2):
    settings = JobSettings({photo!r}, size=96, seed=seed)
    jobs.submit(jobs.request(settings, "make", bpy.context.scene))
while jobs.current.task.stage == "start":
    jobs.current.poll()
print(jobs.current.task.pid, flush=True)
{ending}
"""
ENDINGS = {
    "quits": "sys.exit()",
    "crashes": "os._exit(11)",
    "loses the add-on": "make_4d.unregister()\nassert not jobs.waiting\nos._exit(0)",
    "loads the add-on again": (
        "make_4d.unregister(); make_4d.register()\n"
        "assert not bpy.app.timers.is_registered(tick)\nos._exit(0)"
    ),
}


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, FileNotFoundError):
        return False


@pytest.mark.skipif(os.name == "nt", reason="checks processes as POSIX does")
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
def test_no_process_and_no_folder_remains(ending, tmp_path):
    photo, temporary = tmp_path / "lake.png", tmp_path / "temporary"
    temporary.mkdir()
    write_lake(photo)
    program = PROGRAM.format(tests=str(Path(__file__).parent), photo=str(photo), ending=ending)
    places = {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | places,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    numbers = [line for line in done.stdout.splitlines() if line.isdigit()]
    assert numbers, done.stderr
    end = time.monotonic() + 20
    while is_running(int(numbers[0])) or list(temporary.glob("make-4d-[jw]*")):
        assert time.monotonic() < end, (is_running(int(numbers[0])), list(temporary.iterdir()))
        time.sleep(0.1)
    assert "AssertionError" not in done.stderr
