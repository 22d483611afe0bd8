// One quad a splat, by instance: the splat's numbers come from textures, far to near.
void main()
{
  int index = gl_InstanceID;
  ivec2 texel = ivec2(index % row_length, index / row_length);
  vec4 splat = texelFetch(splats, texel, 0); // u, v, radius, depth in pixels from the top left
  centre = splat.xy;
  radius = splat.z;
  color = texelFetch(colors, texel, 0);
  aux = vec2(texelFetch(disparities, texel, 0).r, splat.w);
  // Rasterisers snap corners to a fraction of a pixel: a margin keeps the disc's rim inside.
  vec2 position = splat.xy + corner * (splat.z + 0.0625);
  // The picture is drawn upside down: its first row in memory is the top row.
  gl_Position = vec4(position / picture_size * 2.0 - 1.0, 0.0, 1.0);
}
