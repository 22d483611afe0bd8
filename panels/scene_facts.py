"""Facts about a scene that several panels show, cached between redraws (see `session.Facts`)."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..geometry.core.messages import Message
from ..geometry.custom_properties import ROLE
from ..geometry.editable_images import editable_images_of, state_of
from ..geometry.guides import guides_of
from ..geometry.scene_parts import SceneError, SceneParts, parts_of
from ..jobs import stage_states
from ..operators.motion import canvas_of
from .session import session


def is_4d_scene(scene: bpy.types.Scene) -> bool:
    """Whether a scene holds a still cloud, without which most sub-panels don't apply."""
    return session().scene_facts.get(("is 4D", scene.session_uid), lambda: _has_still(scene))


def scene_parts(scene: bpy.types.Scene) -> SceneParts:
    """The parts of a scene, as `parts_of` finds them; raises SceneError without a still cloud."""
    parts = _parts(scene)
    if isinstance(parts, SceneParts) and not _exist(parts):
        session().scene_facts.clear()
        parts = _parts(scene)
    if isinstance(parts, Message):
        raise SceneError(parts)
    return parts


def states(scene: bpy.types.Scene) -> dict[str, str]:
    """The state of each stage, empty if the scene is no 4D scene."""
    try:
        images = editable_images_of(scene_parts(scene).still).values()
    except SceneError:
        return {}
    painted = tuple(image.is_dirty for image in images)
    key = ("states", scene.session_uid, _active(), _settings(scene), painted)
    return session().scene_facts.get(key, lambda: stage_states.states(scene, session().checksums))


def needs_rebuild(scene: bpy.types.Scene) -> bool:
    """Whether Rebuild would change anything."""
    return stage_states.needs_rebuild(states(scene))


def image_state(image: bpy.types.Image) -> str:
    """The state of an editable image: FRESH, EDITED or PAINTED."""
    panels = session()
    key = ("image", image.session_uid, image.is_dirty)
    return panels.scene_facts.get(key, lambda: state_of(image, panels.checksums))


def is_of_chosen_photo(scene: bpy.types.Scene) -> bool:
    """Whether a scene is a 4D scene of the photo that is chosen in it."""
    key = ("of photo", scene.session_uid, _active(), scene.make_4d.photo)
    return session().scene_facts.get(key, lambda: stage_states.is_of_chosen_photo(scene))


def guides(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The motion guides of a scene."""
    names = session().scene_facts.get(
        ("guides", scene.session_uid), lambda: [guide.name for guide in guides_of(scene)]
    )
    objects = scene.objects
    return [objects[name] for name in names if name in objects]


def is_painting(scene: bpy.types.Scene) -> bool:
    """Whether the artist is painting what moves."""
    key = ("painting", scene.session_uid)
    return session().scene_facts.get(key, lambda: canvas_of(scene) is not None)


def is_rendered(scene: bpy.types.Scene) -> bool:
    """Whether the film, or the first of its images, exists."""
    paths = (scene.render.filepath, scene.render.frame_path(frame=scene.frame_start))
    return session().file_facts.get(("rendered", *paths), lambda: any(map(_is_file, paths)))


def _has_still(scene: bpy.types.Scene) -> bool:
    return any(o.type == "POINTCLOUD" and o.get(ROLE) == "still" for o in scene.objects)


def _parts(scene: bpy.types.Scene) -> SceneParts | Message:
    def find() -> SceneParts | Message:
        try:
            return parts_of(scene)
        except SceneError as error:
            return error.message

    return session().scene_facts.get(("parts", scene.session_uid, _active()), find)


def _exist(parts: SceneParts) -> bool:
    """Whether all objects still exist: a script may have removed one since the last update."""
    try:
        for part in vars(parts).values():
            _ = part.name if isinstance(part, bpy.types.Object) else None
    except ReferenceError:
        return False
    return True


def _active() -> int:
    """The active object, by which one of several results in a scene is chosen; 0 for none."""
    layer = bpy.context.view_layer
    active = layer.objects.active if layer is not None else None
    return int(active.session_uid) if active is not None else 0


def _settings(scene: bpy.types.Scene) -> tuple[object, ...]:
    own = scene.make_4d
    return tuple(getattr(own, name) for name in own.__annotations__)


def _is_file(path: str) -> bool:
    return Path(bpy.path.abspath(path)).is_file()
