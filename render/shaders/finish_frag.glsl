// Mixes the forward and the backward image and writes the finished passes: the equivalent of
// compose.py. The images have the top row first, the passes the bottom row.
void main()
{
  ivec2 texel = ivec2(gl_FragCoord.xy);
  texel.y = int(image_size.y) - 1 - texel.y;
  vec4 color_f = texelFetch(forward_color, texel, 0), color_b = texelFetch(backward_color, texel, 0);
  float alpha_f = color_f.a, alpha_b = color_b.a;
  // The first channel is the disparity.
  float disparity_f = unpremultiplied(texelFetch(forward_channels_0, texel, 0).r, alpha_f);
  float disparity_b = unpremultiplied(texelFetch(backward_channels_0, texel, 0).r, alpha_b);
  float second = backward_weight(disparity_f, disparity_b, alpha_f, alpha_b), first = 1.0 - second;
  Mix images = Mix(vec2(alpha_f, alpha_b), vec2(first, second));
  float alpha = first * alpha_f + second * alpha_b;
  vec3 color;
  for (int i = 0; i < 3; i++) {
    color[i] = mixed_mean(vec2(color_f[i], color_b[i]), images);
  }
  float covered = min(alpha / FULL_COVERAGE, 1.0);
  out_color = opaque != 0 ? vec4(mix(background, color, covered), 1.0) : vec4(color * alpha, alpha);
  write_passes(texel, images, alpha > FULL_COVERAGE);
}
