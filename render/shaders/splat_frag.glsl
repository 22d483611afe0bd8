// A disc's alpha is 1 - d^2 / r^2 strictly inside it (the paper's renderer); outputs are premultiplied.
void main()
{
  vec2 offset = gl_FragCoord.xy - center;
  float falloff = 1.0 - dot(offset, offset) / (radius * radius);
  if (!(falloff > LEAST_FALLOFF)) { // also false at the center of a disc of radius 0: 0 / 0
    discard;
  }
  float alpha = color.a * min(1.0, gain * falloff);
  out_color = vec4(color.rgb * alpha, alpha);
  write_channels(alpha);
}
