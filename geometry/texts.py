"""Words that Blender itself translates for another meaning have a context of their own."""

from __future__ import annotations

CONTEXT = "Make 4D"
"""In Blender's German a camera's Ease would be to simplify it, its Lens one of glass."""
