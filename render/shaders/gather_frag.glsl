// The paper's renderer: of all discs that touch the pixel, the NEAREST nearest are composited front to
// back with alpha = 1 - d^2 / r^2. Of equal depths, the lower entry is in front.

const float NOTHING = 3.0e38;

float depths[NEAREST];
uint numbers[NEAREST];

void insert(float depth, uint number)
{
  for (int k = 0; k < NEAREST; k++) {
    bool before = depth < depths[k] || (depth == depths[k] && number < numbers[k]);
    float other_depth = depths[k];
    uint other_number = numbers[k];
    depths[k] = before ? depth : other_depth;
    numbers[k] = before ? number : other_number;
    depth = before ? other_depth : depth;
    number = before ? other_number : number;
  }
}

// Squared distance of the pixel from the disc's center, as a fraction of the squared radius.
float fraction_of(vec4 disc, vec2 pixel)
{
  vec2 offset = pixel - disc.xy;
  return dot(offset, offset) / (disc.w * disc.w);
}

float alpha_of(uint number, float fraction)
{
  bool underpaint = (number & 1u) != 0u;
  // Packed discs are off by a millionth: the disc itself may miss the pixel.
  float alpha = max(0.0, 1.0 - fraction);
  return underpaint ? min(1.0, UNDERPAINT_GAIN * alpha) : alpha;
}

// The three by three cells around a pixel on one grid. The cells of a row follow one another in the
// list, so they are three ranges of it. These are walked as one, because lanes that share an
// instruction wait for the longest walk.
struct Neighbors {
  vec2 inside;   // where the pixel lies in its cell
  uvec2 origin;  // its cell as packed discs store it
  ivec3 begin;   // of the ranges, less the steps walked before them
  ivec2 end;     // steps after which the first and the second range end
  int count;     // number of steps
};

Neighbors neighbors_of(vec2 pixel, int level)
{
  vec4 grid = grid_of(level);
  vec2 position = pixel / grid.x;
  ivec2 cell = ivec2(floor(position));
  ivec2 corner = cell + ivec2(0, int(grid.w));
  ivec3 begin, end;
  for (int row = 0; row < 3; row++) {
    begin[row] = int(texelFetch(cells, corner + ivec2(0, row), 0).r);
    end[row] = int(texelFetch(cells, corner + ivec2(3, row), 0).r);
  }
  ivec3 count = end - begin;
  int second = count.x, third = count.x + count.y;
  uvec2 origin = uvec2((cell + 1) & 3) << 20;
  begin -= ivec3(0, second, third);
  return Neighbors(position - vec2(cell), origin, begin, ivec2(second, third), third + count.z);
}

uvec4 disc_at(Neighbors near, int walked)
{
  int begin = walked < near.end.x ? near.begin.x : (walked < near.end.y ? near.begin.y : near.begin.z);
  return texelFetch(discs, texel_of(begin + walked), 0);
}

bool hits(Neighbors near, uvec4 disc)
{
  uvec2 center = uvec2(disc.x & 0x3fffffu, disc.x >> 22 | (disc.y & 0xfffu) << 10);
  // Two bits tell the disc's cell from the pixel's: 22 bits with a sign.
  vec2 offset = near.inside - vec2(ivec2((center - near.origin) << 10) >> 10) / STEPS;
  float radius = float((disc.y >> 12) + 1u) / STEPS;
  return dot(offset, offset) < (1.0 - LEAST_FALLOFF) * radius * radius;
}

// Inserts all discs of a grid that are in this image, touch the pixel and aren't behind `solid`. All are
// tested first and the hits inserted afterward: lanes then wait for the most hits, not the most tests.
void gather_level(vec2 pixel, int level, float solid)
{
  Neighbors near = neighbors_of(pixel, level);
  float limit = min(solid, depths[NEAREST - 1]);
  uint image = backward > 0.0 ? 1u << 31 : 1u << 30;
  for (int start = 0; start < near.count; start += 32) {
    uint hit = 0u;
    int stop = min(near.count - start, 32);
    for (int i = 0; i < stop; i++) {
      uvec4 disc = disc_at(near, start + i);
      // All three are evaluated: a branch would cost more than it saves.
      bool touches = hits(near, disc);
      bool in_front = uintBitsToFloat(disc.z) <= limit;
      bool shown = (disc.w & image) != 0u;
      hit |= uint(touches && in_front && shown) << i;
    }
    while (hit != 0u) {
      uvec4 disc = disc_at(near, start + findLSB(hit));
      hit &= hit - 1u;
      insert(uintBitsToFloat(disc.z), disc.w & 0x3fffffffu);
    }
  }
}

void main()
{
  vec2 pixel = gl_FragCoord.xy;
  for (int k = 0; k < NEAREST; k++) {
    depths[k] = NOTHING;
    numbers[k] = 0xffffffffu;
  }
  // Not a discard: lanes that may stop anywhere slow down all others.
  bool skipped = backward > 0.0 && texelFetch(touched, ivec2(pixel) / BLOCK, 0).r == 0u;
  // Behind this depth the pixel is closed.
  int left = backward > 0.0 ? textureSize(closed, 0).x / 2 : 0;
  float solid = uintBitsToFloat(texelFetch(closed, ivec2(pixel) + ivec2(left, 0), 0).r);
  int levels = skipped ? 0 : int(texelFetch(used, ivec2(0, 0), 0).r);
  for (int level = 0; level < levels; level++) {
    gather_level(pixel, level, solid);
  }
  float transmittance = 1.0;
  float largest = 0.0;
  out_color = vec4(0.0);
  clear_channels();
  for (int k = 0; k < NEAREST && depths[k] < NOTHING && transmittance > 0.0; k++) {
    ivec2 texel = texel_of(int(numbers[k] >> 1));
    vec4 disc = texelFetch(entries, texel_of(int(numbers[k])), 0);
    vec4 color = texelFetch(colors, texel, 0);
    float alpha = color.a * alpha_of(numbers[k], fraction_of(disc, pixel));
    float weight = transmittance * alpha;
    bool underpaint = (numbers[k] & 1u) != 0u;
    float depth = (underpaint ? disc.z / UNDERPAINT_DEPTH : disc.z) + depth_origin;
    out_color.rgb += weight * color.rgb;
    add_point(texel, disc, depth, weight, weight > largest);
    largest = max(largest, weight);
    transmittance *= 1.0 - alpha;
  }
  out_color.a = 1.0 - transmittance;
  write_channels(out_color.a);
}
