"""One computer of a render farm: opens a .blend file and renders frames of it.

    python farm_node.py SCENE.blend FOLDER FRAME...

For each frame and render method it does what `blender -b SCENE.blend -o FOLDER/METHOD_#### -F
OPEN_EXR -f FRAME` does. Then it prints which packages it had to load. Starting a process or using
a network raises an error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

METHODS = ("NEAREST", "SORTED")
HEAVY = ("cv2", "scipy", "sklearn", "torch")
FORBIDDEN = {
    *("subprocess.Popen", "os.fork", "os.exec", "os.posix_spawn", "os.system"),
    *("socket.connect", "socket.getaddrinfo"),
}


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook that forbids other processes and the network."""
    if event in FORBIDDEN:
        print(f"{event} {arguments}", file=sys.stderr, flush=True)
        raise PermissionError(event)


def render(scene: object, folder: Path, frame: int, method: str) -> None:
    """Render one frame as the command line does, to a numbered lossless image."""
    import bpy

    settings = scene.render.image_settings
    settings.media_type, settings.file_format = "IMAGE", "OPEN_EXR"
    settings.color_depth, settings.exr_codec = "32", "ZIP"
    scene.make_4d_engine.method = method
    scene.render.filepath = str(folder / f"{method}_####")
    bpy.ops.render.render(animation=True, frame_start=frame, frame_end=frame)


def main(blend: str, folder: str, *frames: str) -> None:
    """Render the frames in the given order."""
    sys.addaudithook(refuse)
    import bpy

    bpy.ops.wm.read_userpref()  # the module doesn't enable extensions itself
    bpy.ops.wm.open_mainfile(filepath=blend)
    for frame in frames:
        for method in METHODS:
            render(bpy.context.scene, Path(folder), int(frame), method)
    print("LOADED" + json.dumps([name for name in HEAVY if name in sys.modules]))


if __name__ == "__main__":
    main(*sys.argv[1:])
