"""The kept workers of this Blender session, which jobs and the Neural render method share.

The instance lives on `bpy.types.WindowManager` between registration and unregistration, where
Blender keeps an add-on's properties too. It is defined here because `render` may not import `jobs`.
"""

from __future__ import annotations

from typing import cast

import bpy

from ..ml.client.kept_workers import KeptWorkers


def kept_workers() -> KeptWorkers:
    """Return the session's kept workers."""
    return cast(KeptWorkers, bpy.types.WindowManager.make_4d_workers)


def register() -> None:
    """Start without any worker."""
    bpy.types.WindowManager.make_4d_workers = KeptWorkers()


def unregister() -> None:
    """End all kept processes."""
    kept_workers().close()
    del bpy.types.WindowManager.make_4d_workers
