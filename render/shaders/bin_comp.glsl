// An invocation a point: projects it and, by STEP,
//   0: closes the pixel that holds its center to what lies behind its underpaint;
//   1: stores its disc and underpaint where they can be seen, and counts them in their cells.
// There are two pictures, forward (0) and backward (1) in time: points at rest are in both, moving
// copies in one. In `closed` the backward picture lies right of the forward one.
// Entry 2 i is the disc of point i, entry 2 i + 1 its underpaint.
// lens: focal lengths and center; frame: width, height, near and far clip; rule: pixels a unit of a
// radius has at depth 1, least radius, travel, orthographic; points_at: first, count, pictures as
// bits, number of pictures.

int level_of(float radius)
{
  int last = textureSize(grids, 0).x - 1;
  int level = clamp(int(ceil(2.0 * log2(radius / grid_of(0).x))), 0, last);
  return level < last && grid_of(level).x < radius ? level + 1 : level;
}

// Whether every pixel that the disc may touch is closed in front of it. Few pixels are looked at:
// large discs are always drawn.
bool hidden(int picture, ivec2 low, ivec2 high, float depth)
{
  int left = picture * int(frame.x);
  if (any(greaterThan(high - low, ivec2(MAX_REACH)))) {
    return false;
  }
  for (int y = low.y; y <= high.y; y++) {
    for (int x = low.x; x <= high.x; x++) {
      if (depth <= uintBitsToFloat(imageLoad(closed, ivec2(left + x, y)).r)) {
        return false;
      }
    }
  }
  return true;
}

// Marks the blocks of pixels where the forward and the backward picture may differ.
void touch(ivec2 low, ivec2 high)
{
  for (int y = low.y / BLOCK; y <= high.y / BLOCK; y++) {
    for (int x = low.x / BLOCK; x <= high.x / BLOCK; x++) {
      imageStore(touched, ivec2(x, y), uvec4(1u));
    }
  }
}

// Where the entry goes: its cell (column + 1 and row), its level, the pictures that it is in, and how
// many were in the cell before it; 0 for nowhere.
void count_entry(int entry, int pictures, vec2 center, float depth, float radius)
{
  uvec2 place = uvec2(0u);
  ivec2 low = ivec2(max(ceil(center - radius - 0.5), vec2(0.0)));
  ivec2 high = ivec2(min(floor(center + radius - 0.5), frame.xy - 1.0));
  bool moves = pictures != points_at.z;
  for (int picture = 0; picture < points_at.w; picture++) {
    bool inside = all(lessThanEqual(low, high)) && (pictures & (1 << picture)) != 0;
    if (!inside || hidden(picture, low, high, depth)) {
      pictures &= ~(1 << picture);
    }
  }
  if (pictures != 0) {
    if (moves) {
      touch(low, high);
    }
    int level = level_of(radius);
    vec4 grid = grid_of(level);
    ivec2 cell = clamp(ivec2(floor(center / grid.x)) + 1, ivec2(0), ivec2(grid.yz) - 1);
    cell.y += int(grid.w);
    uint slot = imageAtomicAdd(cells, cell, 1u);
    uint rest = uint(level) << 24 | uint(pictures) << 30;
    place = uvec2(uint(cell.x + 1) | uint(cell.y) << 16, slot | rest);
    imageStore(entries, texel_of(entry), vec4(center, depth, radius));
    if (imageLoad(used, ivec2(0, 0)).r <= uint(level)) {
      imageAtomicMax(used, ivec2(0, 0), uint(level + 1));
    }
  }
  imageStore(places, texel_of(entry), uvec4(place, 0u, 0u));
}

void main()
{
  int index = invocation();
  if (index >= points_at.y) {
    return;
  }
  vec4 point = texelFetch(points, texel_of(index), 0);
  index += points_at.x;
  vec3 place = (to_camera * vec4(point.xyz, 1.0)).xyz;
  int group = int(texelFetch(extras, texel_of(index), 0).a);
  int pictures = points_at.z & (group == 0 ? 3 : group);
  bool drawn = place.z >= frame.z && place.z <= frame.w;
  float distance = rule.w > 0.0 ? 1.0 : place.z;
  vec2 center = lens.xy * place.xy / distance + lens.zw;
  float radius = max(point.w * rule.x / distance, rule.y);
  float growth = clamp(1.0 + UNDERPAINT_GROWTH * rule.z / distance, 1.0, MAX_GROWTH);
  // What lets through what is behind, a silhouette's fringe, isn't closed and must not grow.
  bool opaque = texelFetch(colors, texel_of(index), 0).a >= 1.0;
  float under = rule.z < 0.0 || !opaque ? 0.0 : radius * growth;
  vec2 reach = vec2(max(radius, under));
  drawn = drawn && all(greaterThan(center, -reach)) && all(lessThan(center, frame.xy + reach));
  // Positive, so that its bits sort like numbers.
  float depth = place.z - min(frame.z, 0.0);
#if STEP == 0
  ivec2 pixel = ivec2(floor(center));
  bool inside = drawn && all(greaterThanEqual(pixel, ivec2(0)));
  inside = inside && all(lessThan(pixel, ivec2(frame.xy)));
  // A pixel's corner is half a pixel's diagonal from its center: d^2 = 0.5, and more for rounding.
  bool solid = UNDERPAINT_GAIN * (1.0 - 0.501 / (under * under)) >= 1.0;
  if (inside && under > 0.0 && solid) {
    // A little farther: the next step may round the same depth another way.
    uint behind = floatBitsToUint(depth * UNDERPAINT_DEPTH * 1.000001);
    for (int picture = 0; picture < points_at.w; picture++) {
      if ((pictures & (1 << picture)) != 0) {
        imageAtomicMin(closed, pixel + ivec2(picture * int(frame.x), 0), behind);
      }
    }
  }
#else
  pictures = drawn ? pictures : 0;
  count_entry(2 * index, pictures, center, depth, radius);
  count_entry(2 * index + 1, under > 0.0 ? pictures : 0, center, depth * UNDERPAINT_DEPTH, under);
#endif
}
