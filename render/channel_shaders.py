"""GLSL that follows from a frame's channels and passes.

The hand-written shaders call the functions that this module writes: `add_point` and
`write_channels` where points are composited, `write_passes` where passes are finished, and
`fetch_channels` and `write_channels` in the sorted pass. Nothing here needs a GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched

from ..geometry.core.render_passes import (
    SCREEN_MOTION,
    VIEW_DEPTH,
    WORLD_POSITION,
    Blend,
    RenderPass,
)
from .channels import Channel, channel_of, column_count, column_slices

TEXEL = 4
"""Scalars of a texel in the textures and render targets of channels."""
SORTED_TEXEL = 3
"""Channels of a target of the sorted pass; the fourth is the alpha that blending needs."""
GROUP = "group"
"""First column of the attribute textures: see `point_store.groups`."""
_DERIVED_GLSL = {
    VIEW_DEPTH: ("float", "depth"),
    WORLD_POSITION: ("vec3", "camera_position(disc, depth)"),
    SCREEN_MOTION: ("vec4", "texelFetch(motion, texel, 0)"),
}
"""Type and expression of a derived source in `add_point`. Positions are in the camera frame there;
`write_passes` takes them to the world."""
_COMPONENTS = "xyzw"


def channel_targets(channels: Sequence[Channel]) -> list[str]:
    """Names of the render targets that hold the channels."""
    return _names("channels", column_count(channels), TEXEL)


def pass_targets(passes: Sequence[RenderPass]) -> list[str]:
    """Names of the render targets that hold the finished data passes."""
    return _names("passes", column_count(data_channels(passes)), TEXEL)


def attribute_textures(attributes: Mapping[str, int]) -> list[str]:
    """Names of the textures that hold attributes of points, given their widths by name."""
    return _names("attributes", sum(attributes.values()), TEXEL)


def sorted_targets(channels: Sequence[Channel]) -> list[str]:
    """Names of the sorted pass's render targets that hold the channels."""
    return _names("channels", column_count(channels), SORTED_TEXEL)


def data_passes(passes: Sequence[RenderPass]) -> list[RenderPass]:
    """The passes that are made of channels: all but the color."""
    return [each for each in passes if each.blend is not Blend.COLOR]


def data_channels(passes: Sequence[RenderPass]) -> list[Channel]:
    """The channel of each data pass; passes may share one."""
    return [channel_of(each) for each in data_passes(passes)]


def pass_columns(passes: Sequence[RenderPass]) -> dict[str, range]:
    """The scalars of each data pass, counted through the targets of `pass_targets`."""
    columns, end = {}, 0
    for each in data_passes(passes):
        columns[each.name] = range(end, end + each.width)
        end += each.width
    return columns


def gather_text(channels: Sequence[Channel], attributes: Mapping[str, int]) -> str:
    """GLSL that composites the channels of points; attributes: as in `attribute_textures`."""
    return "\n".join(
        [
            f"float channel[{column_count(channels)}];",
            *_function("void clear_channels()", _cleared(channels)),
            *_function(
                "void add_point(ivec2 texel, vec4 disc, float depth, float weight, bool heaviest)",
                _added(channels, attributes),
            ),
            *_function("void write_channels(float alpha)", _written(channels)),
        ]
    )


def finish_text(channels: Sequence[Channel], passes: Sequence[RenderPass]) -> str:
    """GLSL that mixes the channels of two images and writes the data passes."""
    return "\n".join(
        _function(
            "void write_passes(ivec2 texel, Mix images, bool covered)",
            _finished(channels, data_passes(passes)),
        )
    )


def sorted_vertex_text(channels: Sequence[Channel]) -> str:
    """GLSL that reads the channels of a point in the sorted pass."""
    fetches = [
        f"{name} = texelFetch(values_of_{name}, texel, 0).rgb;" for name in sorted_targets(channels)
    ]
    return "\n".join(_function("void fetch_channels(ivec2 texel)", fetches))


def sorted_fragment_text(channels: Sequence[Channel]) -> str:
    """GLSL that writes the channels of a fragment in the sorted pass."""
    writes = [f"out_{name} = vec4({name} * alpha, alpha);" for name in sorted_targets(channels)]
    return "\n".join(_function("void write_channels(float alpha)", writes))


def _names(stem: str, scalars: int, texel: int) -> list[str]:
    return [f"{stem}_{i}" for i in range(-(-scalars // texel))]


def _function(head: str, body: Iterable[str]) -> list[str]:
    return [head, "{", *(f"  {line}" for line in body), "}"]


def _texel_reads(names: Sequence[str], prefix: str = "") -> list[str]:
    return [f"vec4 {prefix}{name}_texel = texelFetch({prefix}{name}, texel, 0);" for name in names]


def _scalar(stem: str, index: int) -> str:
    """The texel read by `_texel_reads` that holds a scalar, and its component."""
    return f"{stem}_{index // TEXEL}_texel.{_COMPONENTS[index % TEXEL]}"


def _cleared(channels: Sequence[Channel]) -> Iterator[str]:
    for index in range(column_count(channels)):
        yield f"channel[{index}] = 0.0;"


def _added(channels: Sequence[Channel], attributes: Mapping[str, int]) -> Iterator[str]:
    yield from _texel_reads(attribute_textures(attributes))
    starts, end = {}, 0
    for name, width in attributes.items():
        starts[name] = end
        end += width
    for channel, columns in column_slices(channels).items():
        if channel.is_attribute:
            start = starts[channel.source]
            values = [_scalar("attributes", start + i) for i in range(channel.width)]
        else:
            kind, expression = _DERIVED_GLSL[channel.source]
            yield f"{kind} {channel.source} = {expression};"
            components = [f".{c}" for c in _COMPONENTS[: channel.width]]
            values = [channel.source + c for c in (components if channel.width > 1 else [""])]
        for index, value in zip(range(columns.start, columns.stop), values, strict=True):
            if channel.blend is Blend.HEAVIEST:
                yield f"channel[{index}] = heaviest ? {value} : channel[{index}];"
            else:
                yield f"channel[{index}] += weight * {value};"


def _written(channels: Sequence[Channel]) -> Iterator[str]:
    for channel, columns in column_slices(channels).items():
        if channel.blend is Blend.HEAVIEST:  # multiplied by alpha like all others
            yield from (f"channel[{i}] *= alpha;" for i in range(columns.start, columns.stop))
    values = [f"channel[{i}]" for i in range(column_count(channels))]
    yield from _packed("out_channels", values)


def _finished(channels: Sequence[Channel], passes: Sequence[RenderPass]) -> Iterator[str]:
    for side in ("forward_", "backward_"):
        yield from _texel_reads(channel_targets(channels), side)
    columns = column_slices(channels)
    results: list[str] = []
    for each in passes:
        channel = channel_of(each)
        values = []
        for index in range(columns[channel].start, columns[channel].stop):
            forward, backward = (_scalar(f"{s}_channels", index) for s in ("forward", "backward"))
            values.append(f"mixed_{channel.blend}(vec2({forward}, {backward}), images)")
        if channel.source == WORLD_POSITION:
            yield f"vec3 world = (to_world * vec4({', '.join(values)}, 1.0)).xyz;"
            values = [f"world.{c}" for c in "xyz"]
        if each.inverted:
            values = [f"1.0 - {value}" for value in values]
        results += [f"covered ? {value} : float({each.empty!r})" for value in values]
    yield from _packed("out_passes", results)


def _packed(stem: str, values: Sequence[str]) -> Iterator[str]:
    """Assignments of the values to the vec4 outputs `stem`_0, `stem`_1..."""
    for i, part in enumerate(batched(values, TEXEL, strict=False)):
        padded = [*part, *["0.0"] * (TEXEL - len(part))]
        yield f"{stem}_{i} = vec4({', '.join(padded)});"
