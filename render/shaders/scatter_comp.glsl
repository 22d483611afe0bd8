// One invocation per entry: writes it to its cell's part of the sorted list, packed into 128 bits so that
// reading a disc takes one fetch: center in the cell (2 x 22 bits), radius in cells (20), depth (32), the
// images that show it (2) and entry number (30).
void main()
{
  int entry = invocation();
  if (entry >= count) {
    return;
  }
  uvec2 slot = imageLoad(slots, texel_of(entry)).rg;
  if (slot.x == 0u) {
    return;
  }
  ivec2 cell = ivec2(int(slot.x & 0xffffu) - 1, int(slot.x >> 16));
  vec4 grid = grid_of(int(slot.y >> 24) & 63);
  uint at = imageLoad(cells, cell).r + (slot.y & 0xffffffu);
  cell.y -= int(grid.w);
  vec4 disc = imageLoad(entries, texel_of(entry));
  vec2 inside = clamp(disc.xy / grid.x - vec2(cell - 1), vec2(0.0), vec2(1.0 - 1.0 / STEPS));
  uvec2 center = uvec2(inside * STEPS) | uvec2(cell & 3) << 20;
  uint radius = uint(clamp(round(disc.w / grid.x * STEPS), 1.0, STEPS)) - 1u;
  uvec2 bits = uvec2(center.x | center.y << 22, center.y >> 10 | radius << 12);
  uint number = uint(entry) | (slot.y >> 30) << 30;
  imageStore(discs, texel_of(int(at)), uvec4(bits, floatBitsToUint(disc.z), number));
}
