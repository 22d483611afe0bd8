"""The worker process: Blender's own Python, isolated from the user's environment.

Nothing here blocks: a thread collects the worker's lines. A worker serves one task after another,
and ends when it is closed or when Blender goes away.
"""

from __future__ import annotations

import importlib.util
import json
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from ...geometry.core.messages import Message
from ...geometry.core.packages import MissingPackageError
from ..common.own_packages import wheels_of

ROOT = Path(__file__).resolve().parents[2]
"""The extension's folder."""
REQUIRED = {
    "numpy": "NumPy",
    "cv2": "OpenCV",
    "PIL": "Pillow",
    "scipy": "SciPy",
    "sklearn": "scikit-learn",
}
"""Modules that the worker needs, and what their packages are called."""
FROM_WHEELS = ("cv2", "PIL", "scipy", "sklearn")
"""Those that the extension's wheels contain; NumPy is Blender's own."""
FOR_MODELS = ("torch", "diffusers", "transformers", "huggingface_hub", "safetensors", "psutil")
ONLINE = "--online"
LOG_TAIL_BYTES = 4000
NO_MODEL_PACKAGE = (
    "Pretrained models need the Python package '{name}', which this installation doesn't have: "
    "choose Built-in, or install the full Make 4D."
)
NO_PACKAGE = "The Python package {name} is missing: install the Make 4D extension again."
NO_SYSTEM_PACKAGE = (
    "This Make 4D includes no Python packages, and Blender's Python has no {name}: install it "
    "with the system's package manager, or use the light Make 4D in Blender from blender.org."
)


def package_folders(models: bool = False) -> list[str]:
    """Return the folders with the Python packages that the worker needs.

    Args:
        models: Whether it also needs those that run networks.

    Raises MissingPackageError if a package is missing and there is no wheel to unpack it from.
    """
    folders: list[str] = []
    has_wheels = bool(wheels_of(ROOT))
    for name in (*REQUIRED, *(FOR_MODELS if models else ())):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            if has_wheels and name in FROM_WHEELS:
                continue
            raise MissingPackageError(_missing(name))
        folder = str(Path(spec.origin).parent.parent)
        if folder not in folders:
            folders.append(folder)
    return folders


def models_available() -> bool:
    """Whether the packages that run networks are installed; imports none of them."""
    return all(importlib.util.find_spec(name) is not None for name in FOR_MODELS)


def downloads_available() -> bool:
    """Whether this package of the extension can download models; the light one can't."""
    return models_available() and (ROOT / "ml" / "hub").is_dir()


def _missing(name: str) -> Message:
    if name in FOR_MODELS:
        return Message(NO_MODEL_PACKAGE, name=name)
    return Message(NO_PACKAGE if wheels_of(ROOT) else NO_SYSTEM_PACKAGE, name=REQUIRED[name])


class Worker:
    """A running worker process."""

    def __init__(self, models: bool = False, online: bool = False) -> None:
        """Start a worker.

        Args:
            models: Whether it can run networks.
            online: Whether it may use the network; only downloads do.

        Raises MissingPackageError or OSError.
        """
        self.has_models, self.is_online = models, online
        folders = package_folders(models)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._folder = tempfile.TemporaryDirectory(
            prefix="make-4d-worker-", ignore_cleanup_errors=True
        )
        self._log = (Path(self._folder.name) / "worker.log").open("w+b")
        self._process = self._start([ONLINE] if online else [], folders)
        threading.Thread(target=self._collect, daemon=True).start()

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    @property
    def folder(self) -> str:
        """The folder with its log."""
        return self._folder.name

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def send(self, command: dict[str, Any]) -> None:
        """Send a command; if the worker is gone, its output ends instead of a reply."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except OSError:
            return

    def next_line(self) -> str | None:
        """Return the worker's next line, None after the last; raises queue.Empty for no line."""
        return self._lines.get_nowait()

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()

    def exit_code(self) -> int:
        """Return how the process ended; call it after the end of its output."""
        return self._process.wait()

    def close(self) -> None:
        """End the process and remove its log."""
        if self.is_alive:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                _close_quietly(stream)
        self._folder.cleanup()

    def add_to_log(self, line: str) -> None:
        """Add a line to the worker's log."""
        self._log.write(line.encode())
        self._log.flush()

    def log_tail(self) -> str:
        """Return the last lines that the worker printed."""
        self._log.flush()
        text = Path(self._log.name).read_bytes()[-LOG_TAIL_BYTES:]
        return text.decode(errors="replace")

    def _start(self, options: list[str], folders: list[str]) -> subprocess.Popen[str]:
        script = ROOT / "ml" / "worker" / "main.py"
        own = str(Path(self._folder.name) / "packages")
        command = [sys.executable, "-I", "-X", "utf8", "-u", str(script), *options, own, *folders]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            errors="replace",  # a stray line in another encoding must not end the reading thread
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


def _close_quietly(stream: Any) -> None:
    try:
        stream.close()
    except OSError:
        return
