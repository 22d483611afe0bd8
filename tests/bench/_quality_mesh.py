"""The usual mesh from a photo and its depth: one surface, stretched at depth discontinuities."""

from __future__ import annotations

from functools import cache

import moderngl
import numpy as np
from _gl_context import open_context
from _quality_shot import Shot
from make_4d.geometry.core.camera import FloatArray, Intrinsics, pixel_centers, unproject
from make_4d.geometry.landscapes.truth import TruthFrame

VERTEX = """
#version 330
uniform mat4 pose; uniform vec4 lens; uniform vec2 clip;
in vec3 place; in vec3 color; out vec3 shade;
void main() {
    vec4 p = pose * vec4(place, 1.0);
    float range = clip.y - clip.x;
    float depth = (clip.y + clip.x) / range * p.z - 2.0 * clip.x * clip.y / range;
    gl_Position = vec4(lens.x * p.x + lens.z * p.z, lens.y * p.y + lens.w * p.z, depth, p.z);
    shade = color;
}
"""
FRAGMENT = """
#version 330
in vec3 shade; out vec4 pixel;
void main() { pixel = vec4(shade, 1.0); }
"""
CLIP = (1e-2, 1e4)
SAMPLES = 4


class Mesh:
    """A photo (H, W, 3) on a surface of its depth (H, W), in scene units of `scale` meters."""

    def __init__(
        self, image: FloatArray, depth: FloatArray, camera: Intrinsics, scale: float
    ) -> None:
        self._camera, self._scale = camera, scale
        self._context = drawing_context()
        place = unproject(pixel_centers(*depth.shape), depth, camera)
        vertices = np.concatenate([place, image], axis=-1).astype(np.float32)
        program = self._context.program(vertex_shader=VERTEX, fragment_shader=FRAGMENT)
        self._program = program
        buffer = self._context.buffer(np.ascontiguousarray(vertices).tobytes())
        index = self._context.buffer(triangles(*depth.shape).tobytes())
        self._surface = self._context.vertex_array(
            program, [(buffer, "3f 3f", "place", "color")], index
        )

    def __call__(self, frame: TruthFrame, number: int) -> Shot:
        """Render the surface from a frame's camera."""
        camera = self._camera
        pose = np.array(frame.world_to_camera, np.float64)
        pose[:3, 3] /= self._scale
        across, down = 2 / camera.width, 2 / camera.height
        lens = (camera.focal * across, camera.focal * down)
        shift = (camera.cx * across - 1, camera.cy * down - 1)
        self._program["pose"].write(pose.T.astype("f4").tobytes())
        self._program["lens"].value = (*lens, *shift)
        self._program["clip"].value = CLIP
        pixels = self._draw((camera.width, camera.height))
        return Shot(pixels[..., :3].copy(), pixels[..., 3].copy())

    def _draw(self, size: tuple[int, int]) -> FloatArray:
        """Return the image (H, W, 4) with a few samples per pixel, top row first."""
        gl = self._context
        color, near = gl.renderbuffer(size, 4, SAMPLES), gl.depth_renderbuffer(size, SAMPLES)
        target = gl.framebuffer([color], near)
        plain = gl.simple_framebuffer(size, 4)
        target.use()
        gl.enable(gl.DEPTH_TEST)
        target.clear(0.0, 0.0, 0.0, 0.0, 1.0)
        self._surface.render(gl.TRIANGLES)
        gl.copy_framebuffer(plain, target)
        pixels = np.frombuffer(plain.read(components=4), np.uint8).reshape(size[1], size[0], 4)
        return pixels.astype(np.float32) / 255.0


@cache
def drawing_context() -> moderngl.Context:
    """Return the one context that all meshes share.

    With several, the cleanup of an old one deletes buffers of a new one with the same numbers.
    """
    return open_context()


def triangles(height: int, width: int) -> np.ndarray:
    """Return two triangles per square of four neighboring pixels, as indices (n, 3) int32."""
    index = np.arange(height * width, dtype=np.int32).reshape(height, width)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    return np.stack([a, c, b, b, c, d], axis=-1).reshape(-1, 3)
