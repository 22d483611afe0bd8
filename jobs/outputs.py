"""The output files of the command, which appear together at its end, or not at all."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Self

from ..geometry.core.messages import UserError

NOT_MP4 = "The film's name must end in .mp4, not {name}."
NOT_BLEND = "The scene's name must end in .blend, not {name}."
NOT_WRITABLE = "The folder {folder} can't be written ({reason}): choose another folder."


class OutputError(UserError):
    """An output can't be written; the text is one sentence for the user."""


class Outputs:
    """Temporary paths of the film, the .blend, the frames and the timings of one run.

    A context manager: outputs that were not published when it ends are removed, so that no
    incomplete film or .blend stays behind. Raises OutputError where a folder can't be written.
    """

    def __init__(self, film: Path, blend: Path, frames: Path | None, timings: Path | None) -> None:
        if film.suffix.lower() != ".mp4":
            raise OutputError(NOT_MP4, name=film.name)
        if blend.suffix.lower() != ".blend":
            raise OutputError(NOT_BLEND, name=blend.name)
        self.final_film, self.final_blend = film, blend
        self._final_frames, self._final_timings = frames, timings
        self._scratch: dict[Path, Path] = {}
        for path in (film, blend, frames, timings):
            if path is not None:
                self._prepare(path)
        self.film, self.blend = self._aside(film), self._aside(blend)
        # Frames that are not kept are written next to the film.
        self.frames = (
            self._aside(frames) if frames is not None else self.film.with_suffix(".frames")
        )
        self.frames.mkdir()

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Self:
        """Return the outputs that the command line names."""
        film = Path(arguments.output).absolute()
        blend = Path(arguments.blend).absolute() if arguments.blend else film.with_suffix(".blend")
        frames = Path(arguments.keep_frames).absolute() if arguments.keep_frames else None
        timings = Path(arguments.timings).absolute() if arguments.timings else None
        return cls(film, blend, frames, timings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for folder in self._scratch.values():
            shutil.rmtree(folder, ignore_errors=True)

    def film_beside_blend(self) -> str:
        """Return the film's path for the .blend, relative to it where both are in one folder."""
        if self.final_film.parent == self.final_blend.parent:
            return f"//{self.final_film.name}"
        return str(self.final_film)

    def write_timings(self, record: dict[str, object]) -> None:
        """Write the timings, if the command line names a file for them."""
        if self._final_timings is not None:
            text = json.dumps(record, indent=2) + "\n"
            self._aside(self._final_timings).write_text(text, encoding="utf-8")

    def publish(self) -> None:
        """Move every output to its final path."""
        for path in (self.final_film, self.final_blend, self._final_timings):
            if path is not None:
                self._aside(path).replace(path)
        if self._final_frames is not None:
            self._final_frames.mkdir(exist_ok=True)
            for frame in sorted(self.frames.iterdir()):
                frame.replace(self._final_frames / frame.name)

    def _aside(self, path: Path) -> Path:
        return self._scratch[path.parent] / path.name

    def _prepare(self, path: Path) -> None:
        """Make a temporary folder next to an output, on the same disk."""
        if path.parent in self._scratch:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.mkdtemp(prefix=".make4d-", dir=path.parent)
        except OSError as error:
            self.__exit__()
            raise OutputError(NOT_WRITABLE, folder=path.parent, reason=error.strerror) from error
        self._scratch[path.parent] = Path(scratch)
