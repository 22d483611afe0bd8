// alpha = 1 - d^2 / r^2 strictly inside the disc (the paper's renderer), premultiplied.
void main()
{
  vec2 offset = gl_FragCoord.xy - center;
  float falloff = 1.0 - dot(offset, offset) / (radius * radius);
  if (!(falloff > LEAST_FALLOFF)) { // nor in the middle of a disc without a radius: 0 / 0

    discard;
  }
  float alpha = color.a * min(1.0, gain * falloff);
  out_color = vec4(color.rgb * alpha, alpha);
  out_feature_0 = vec4(feature_0 * alpha, alpha);
  out_feature_1 = vec4(feature_1 * alpha, alpha);
#if TRIPLES > 2
  out_feature_2 = vec4(feature_2 * alpha, alpha);
#endif
#if TRIPLES > 3
  out_feature_3 = vec4(feature_3 * alpha, alpha);
#endif
}
