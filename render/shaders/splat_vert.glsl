// Draws instanced quads, each a disc or an underpaint; the values of the splats come from textures.
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
  fetch_channels(texel);
  // Rasterizers snap corners to a fraction of a pixel: a margin keeps the disc's rim inside.
  // Corners are clamped to the image, so that huge discs don't overflow.
  vec2 position = center + corner.xy * (radius + 0.0625);
  position = clamp(position, vec2(-1.0), image_size + 1.0);
  // The image is drawn upside down: its first row in memory is the top row.
  gl_Position = vec4(position / image_size * 2.0 - 1.0, 0.0, 1.0);
  if (draw == 0) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0); // all corners at one point outside the image
  }
}
