// Quads by instance, a disc or underpaint each; the splats' numbers come from textures.
void main()
{
  int number = gl_InstanceID * quads + int(corner.z);
  // i + 1 for the disc of splat i, -1 - i for its underpaint, 0 for nothing.
  int draw = int(texelFetch(orders, texel_of(number), 0).r);
  ivec2 texel = texel_of(max(abs(draw) - 1, 0));
  vec4 splat = texelFetch(splats, texel, 0); // u, v from the top left, radius, underpaint's radius
  center = splat.xy;
  radius = draw < 0 ? splat.w : splat.z;
  gain = draw < 0 ? UNDERPAINT_GAIN : 1.0;
  color = texelFetch(colors, texel, 0);
  feature_0 = texelFetch(features_0, texel, 0).rgb;
  feature_1 = texelFetch(features_1, texel, 0).rgb;
#if TRIPLES > 2
  feature_2 = texelFetch(features_2, texel, 0).rgb;
#endif
#if TRIPLES > 3
  feature_3 = texelFetch(features_3, texel, 0).rgb;
#endif
  // Rasterisers snap corners to a fraction of a pixel: a margin keeps the disc's rim inside.
  // What lies outside the picture is cut off here, so that huge discs don't overflow.
  vec2 position = center + corner.xy * (radius + 0.0625);
  position = clamp(position, vec2(-1.0), picture_size + 1.0);
  // The picture is drawn upside down: its first row in memory is the top row.
  gl_Position = vec4(position / picture_size * 2.0 - 1.0, 0.0, 1.0);
  if (draw == 0) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0); // all corners in one place, out of sight
  }
}
