// The paper's renderer: of all discs that touch the pixel the NEAREST nearest, composited front to
// back with alpha = 1 - d^2 / r^2. Of equal depths the lower entry is in front.

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

float alpha_of(uint number, float share)
{
  bool underpaint = (number & 1u) != 0u;
  return underpaint ? min(1.0, UNDERPAINT_GAIN * (1.0 - share)) : 1.0 - share;
}

float share_of(vec4 disc, vec2 pixel)
{
  vec2 offset = pixel - disc.xy;
  return dot(offset, offset) / (disc.w * disc.w);
}

void gather(vec2 pixel)
{
  int levels = int(texelFetch(used, ivec2(0, 0), 0).r);
  for (int level = 0; level < levels; level++) {
    ivec2 cell = cell_of(pixel, grid_of(level)) - 1;
    for (int n = 0; n < 9; n++) {
      uint next = texelFetch(heads, cell + ivec2(n % 3, n / 3), 0).r;
      while (next != 0u) {
        uint number = next - 1u;
        ivec2 texel = texel_of(int(number));
        vec4 disc = texelFetch(entries, texel, 0);
        next = texelFetch(links, texel, 0).r;
        if (share_of(disc, pixel) < 1.0 && disc.z <= depths[NEAREST - 1]) {
          insert(disc.z, number);
        }
      }
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
  gather(pixel);
  float clear = 1.0;
  float heaviest = 0.0;
  out_color = vec4(0.0);
  out_extra = vec4(0.0);
  vec3 place = vec3(0.0);
  vec4 motion_sum = vec4(0.0);
  for (int k = 0; k < NEAREST && depths[k] < NOTHING && clear > 0.0; k++) {
    ivec2 texel = texel_of(int(numbers[k] >> 1));
    vec4 disc = texelFetch(entries, texel_of(int(numbers[k])), 0);
    vec4 paint = texelFetch(colors, texel, 0);
    vec4 extra = texelFetch(extras, texel, 0); // disparity, known, layer, group
    float alpha = paint.a * alpha_of(numbers[k], share_of(disc, pixel));
    float weight = clear * alpha;
    bool underpaint = (numbers[k] & 1u) != 0u;
    float depth = (underpaint ? disc.z / UNDERPAINT_DEPTH : disc.z) + depth_origin;
    out_color.rgb += weight * paint.rgb;
    out_extra.rgb += weight * vec3(extra.r, depth, extra.g);
    if (weight > heaviest) {
      heaviest = weight;
      out_extra.a = extra.b;
    }
#ifdef POSITION
    vec2 ray = (disc.xy - lens.zw) / lens.xy;
    place += weight * vec3(orthographic > 0.0 ? ray : ray * depth, depth);
#endif
#ifdef VECTOR
    motion_sum += weight * texelFetch(motion, texel, 0);
#endif
    clear *= 1.0 - alpha;
  }
  out_color.a = 1.0 - clear;
  out_extra.a *= out_color.a; // multiplied by alpha like everything else
#ifdef POSITION
  out_position = vec4(place, 0.0);
#endif
#ifdef VECTOR
  out_vector = motion_sum;
#endif
}
