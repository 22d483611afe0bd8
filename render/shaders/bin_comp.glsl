// One invocation per point: projects it and, by STEP,
//   0: closes the pixel that holds its center to everything behind its underpaint;
//   1: stores its disc and its underpaint if they may be visible, and counts them in their cells.
// There are two images, forward (0) and backward (1) in time. Resting points are in both, moving copies
// in one. In `closed`, the backward image is to the right of the forward one.
// Entry 2 i is the disc of point i, entry 2 i + 1 its underpaint.
//
// Push constants:
//   lens: focal lengths and center in pixels.
//   frame: width, height, near clip and far clip.
//   rule: pixels per unit of radius at depth 1, least radius, travel, orthographic.
//   batch: index of the first point, number of points, images as bits, number of images.

int level_of(float radius)
{
  int last = textureSize(grids, 0).x - 1;
  int level = clamp(int(ceil(2.0 * log2(radius / grid_of(0).x))), 0, last);
  return level < last && grid_of(level).x < radius ? level + 1 : level;
}

// Whether every pixel that the disc may touch is closed in front of it. Large discs count as visible,
// so that few pixels are read.
bool hidden(int image, ivec2 low, ivec2 high, float depth)
{
  int left = image * int(frame.x);
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

// Marks the blocks of pixels in which the forward and the backward image may differ.
void touch(ivec2 low, ivec2 high)
{
  for (int y = low.y / BLOCK; y <= high.y / BLOCK; y++) {
    for (int x = low.x / BLOCK; x <= high.x / BLOCK; x++) {
      imageStore(touched, ivec2(x, y), uvec4(1u));
    }
  }
}

// Stores the entry's slot: its cell (column + 1 and row), its level, the images that show it, and the
// number of earlier entries in the cell; 0 if it isn't visible.
void count_entry(int entry, int images, vec2 center, float depth, float radius)
{
  uvec2 slot = uvec2(0u);
  ivec2 low = ivec2(max(ceil(center - radius - 0.5), vec2(0.0)));
  ivec2 high = ivec2(min(floor(center + radius - 0.5), frame.xy - 1.0));
  bool moves = images != batch.z;
  for (int image = 0; image < batch.w; image++) {
    bool inside = all(lessThanEqual(low, high)) && (images & (1 << image)) != 0;
    if (!inside || hidden(image, low, high, depth)) {
      images &= ~(1 << image);
    }
  }
  if (images != 0) {
    if (moves) {
      touch(low, high);
    }
    int level = level_of(radius);
    vec4 grid = grid_of(level);
    ivec2 cell = clamp(ivec2(floor(center / grid.x)) + 1, ivec2(0), ivec2(grid.yz) - 1);
    cell.y += int(grid.w);
    uint earlier = imageAtomicAdd(cells, cell, 1u);
    uint rest = uint(level) << 24 | uint(images) << 30;
    slot = uvec2(uint(cell.x + 1) | uint(cell.y) << 16, earlier | rest);
    imageStore(entries, texel_of(entry), vec4(center, depth, radius));
    if (imageLoad(used, ivec2(0, 0)).r <= uint(level)) {
      imageAtomicMax(used, ivec2(0, 0), uint(level + 1));
    }
  }
  imageStore(slots, texel_of(entry), uvec4(slot, 0u, 0u));
}

void main()
{
  int index = invocation();
  if (index >= batch.y) {
    return;
  }
  vec4 point = texelFetch(points, texel_of(index), 0);
  index += batch.x;
  vec3 position = (to_camera * vec4(point.xyz, 1.0)).xyz;
  int group = int(texelFetch(attributes_0, texel_of(index), 0).r);
  int images = batch.z & (group == 0 ? 3 : group);
  bool drawn = position.z >= frame.z && position.z <= frame.w;
  float distance = rule.w > 0.0 ? 1.0 : position.z;
  vec2 center = lens.xy * position.xy / distance + lens.zw;
  float radius = max(point.w * rule.x / distance, rule.y);
  float growth = clamp(1.0 + UNDERPAINT_GROWTH * rule.z / distance, 1.0, MAX_GROWTH);
  // A silhouette's fringe lets through what is behind it: it doesn't close pixels and must not grow.
  bool opaque = texelFetch(colors, texel_of(index), 0).a >= 1.0;
  float under = rule.z < 0.0 || !opaque ? 0.0 : radius * growth;
  vec2 reach = vec2(max(radius, under));
  drawn = drawn && all(greaterThan(center, -reach)) && all(lessThan(center, frame.xy + reach));
  // Positive, so that the bits sort like the numbers.
  float depth = position.z - min(frame.z, 0.0);
#if STEP == 0
  ivec2 pixel = ivec2(floor(center));
  bool inside = drawn && all(greaterThanEqual(pixel, ivec2(0)));
  inside = inside && all(lessThan(pixel, ivec2(frame.xy)));
  // The farthest point of a pixel is half its diagonal away: d^2 = 0.5, and a little for rounding.
  bool solid = UNDERPAINT_GAIN * (1.0 - 0.501 / (under * under)) >= 1.0;
  if (inside && under > 0.0 && solid) {
    // A little deeper, because the next step may round the same depth differently.
    uint behind = floatBitsToUint(depth * UNDERPAINT_DEPTH * 1.000001);
    for (int image = 0; image < batch.w; image++) {
      if ((images & (1 << image)) != 0) {
        imageAtomicMin(closed, pixel + ivec2(image * int(frame.x), 0), behind);
      }
    }
  }
#else
  images = drawn ? images : 0;
  count_entry(2 * index, images, center, depth, radius);
  count_entry(2 * index + 1, under > 0.0 ? images : 0, center, depth * UNDERPAINT_DEPTH, under);
#endif
}
