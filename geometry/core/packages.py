"""Packages that Blender doesn't carry, imported where they are used, with an error that helps.

The light and the full package bring them, but Blender's own process must start without them, and an
installation of the plain source may lack them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .messages import UserError

MISSING = (
    "The Python package {name} is missing: install the Make 4D extension again, or install {name} "
    "for Blender's Python."
)


class MissingPackageError(UserError, ImportError):
    """A package that a function needs isn't installed."""


def load_scipy(module: str) -> Any:
    """Import a module of SciPy, such as "spatial"; raises MissingPackageError without SciPy."""
    try:
        return import_module(f"scipy.{module}")
    except ImportError as error:
        raise MissingPackageError(MISSING, name="SciPy") from error
