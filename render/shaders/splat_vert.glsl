// Quads by instance, a disc or underpaint each; the splats' numbers come from textures.
void main()
{
  int number = gl_InstanceID * quads + int(corner.z);
  // i + 1 for the disc of splat i, -1 - i for its underpaint, 0 for nothing.
  int draw = int(texelFetch(orders, ivec2(number % row_length, number / row_length), 0).r);
  int index = max(abs(draw) - 1, 0);
  ivec2 texel = ivec2(index % row_length, index / row_length);
  vec4 splat = texelFetch(splats, texel, 0); // u, v in pixels from the top left, radius, depth
  vec4 paint = texelFetch(colors, texel, 0);
  vec2 more = texelFetch(extras, texel, 0).rg; // disparity, radius of the underpaint
  centre = splat.xy;
  radius = draw < 0 ? more.y : splat.z;
  gain = draw < 0 ? underpaint_gain : 1.0;
  color = paint;
  aux = vec2(more.x, splat.w);
  // Rasterisers snap corners to a fraction of a pixel: a margin keeps the disc's rim inside.
  vec2 position = centre + corner.xy * (radius + 0.0625);
  // The picture is drawn upside down: its first row in memory is the top row.
  gl_Position = vec4(position / picture_size * 2.0 - 1.0, 0.0, 1.0);
  if (draw == 0) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0); // all corners in one place, out of sight
  }
}
