// alpha = 1 - d^2 / r^2 strictly inside the disc (the paper's renderer), premultiplied.
void main()
{
  vec2 offset = gl_FragCoord.xy - centre;
  float falloff = 1.0 - dot(offset, offset) / (radius * radius);
  if (falloff <= 0.0) {
    discard;
  }
  float alpha = color.a * min(1.0, gain * falloff);
  out_color = vec4(color.rgb * alpha, alpha);
  out_aux = vec4(aux * alpha, 0.0, alpha);
}
