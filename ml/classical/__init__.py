"""Classical methods: completion, outpainting, flow, clustering; no network and no weights."""

IMPORTED_BY_BLENDER = False
