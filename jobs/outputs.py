"""The command's output files: written aside, put in place together at the end, or not at all."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Self


class OutputError(Exception):
    """An output can't be written; its text is one sentence for the user."""


class Outputs:
    """Scratch paths of the film, the .blend, the frames and the timings of one run.

    A context manager: what was not published when it ends is removed, so no half-written film or
    .blend stays behind. Raises OutputError at once where a folder can't be written.
    """

    def __init__(self, film: Path, blend: Path, frames: Path | None, timings: Path | None) -> None:
        if film.suffix.lower() != ".mp4":
            raise OutputError(f"The film's name must end in .mp4, not {film.name}.")
        if blend.suffix.lower() != ".blend":
            raise OutputError(f"The scene's name must end in .blend, not {blend.name}.")
        self.final_film, self.final_blend = film, blend
        self._final_frames, self._final_timings = frames, timings
        self._scratch: dict[Path, Path] = {}
        for path in (film, blend, frames, timings):
            if path is not None:
                self._prepare(path)
        self.film, self.blend = self._aside(film), self._aside(blend)
        # Frames that nobody keeps still need a place: on the film's disk.
        self.frames = (
            self._aside(frames) if frames is not None else self.film.with_suffix(".frames")
        )
        self.frames.mkdir()

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Self:
        """Outputs that the command line names."""
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
        """The film's path as the .blend shall name it: relative to itself where it can be."""
        if self.final_film.parent == self.final_blend.parent:
            return f"//{self.final_film.name}"
        return str(self.final_film)

    def write_timings(self, record: dict[str, object]) -> None:
        """Write the timings aside, if they were asked for."""
        if self._final_timings is not None:
            text = json.dumps(record, indent=2) + "\n"
            self._aside(self._final_timings).write_text(text, encoding="utf-8")

    def publish(self) -> None:
        """Put every output in its place."""
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
        """Make a scratch folder on the disk that the output goes to."""
        if path.parent in self._scratch:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.mkdtemp(prefix=".make4d-", dir=path.parent)
        except OSError as error:
            self.__exit__()
            raise OutputError(
                f"The folder {path.parent} can't be written ({error.strerror}): name another one."
            ) from error
        self._scratch[path.parent] = Path(scratch)
