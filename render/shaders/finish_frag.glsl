// From what was drawn forward and backward in time to the finished passes: the symmetric mix and the
// film, as in compose.py. Rows are drawn from the top, and finished from the bottom.

vec3 divided(vec3 values, float alpha)
{
  return alpha > 1e-6 ? values / alpha : vec3(0.0);
}

// Share of the backward picture (flow.symmetric_weights).
float backward_weight(float near_f, float near_b, float alpha_f, float alpha_b)
{
  float top = max(near_f, near_b);
  float forward = (1.0 - phase) * exp(SHARPNESS * (near_f - top)) * alpha_f;
  float backward = phase * exp(SHARPNESS * (near_b - top)) * alpha_b;
  float total = forward + backward;
  return total > 0.0 ? backward / total : phase;
}

void main()
{
  ivec2 texel = ivec2(gl_FragCoord.xy);
  texel.y = int(picture_size.y) - 1 - texel.y;
  vec4 color_f = texelFetch(forward_color, texel, 0), color_b = texelFetch(backward_color, texel, 0);
  vec4 extra_f = texelFetch(forward_extra, texel, 0), extra_b = texelFetch(backward_extra, texel, 0);
  float alpha_f = color_f.a, alpha_b = color_b.a;
  vec3 more_f = divided(extra_f.rgb, alpha_f), more_b = divided(extra_b.rgb, alpha_b);
  float second = backward_weight(more_f.r, more_b.r, alpha_f, alpha_b), first = 1.0 - second;
  float alpha = first * alpha_f + second * alpha_b;
  vec3 color = first * divided(color_f.rgb, alpha_f) + second * divided(color_b.rgb, alpha_b);
  vec3 more = first * more_f + second * more_b; // disparity, depth, known
  bool seen = alpha > FULL_COVERAGE;
  float covered = min(alpha / FULL_COVERAGE, 1.0);
  out_color = opaque != 0 ? vec4(mix(background, color, covered), 1.0) : vec4(color * alpha, alpha);
  float layer = second > first ? divided(extra_b.aaa, alpha_b).r : divided(extra_f.aaa, alpha_f).r;
  out_data = seen ? vec4(more.g, 1.0 - more.b, round(layer), alpha) : vec4(NO_DEPTH, 0.0, NO_LAYER, alpha);
#ifdef POSITION
  vec3 place_f = divided(texelFetch(forward_position, texel, 0).rgb, alpha_f);
  vec3 place_b = divided(texelFetch(backward_position, texel, 0).rgb, alpha_b);
  vec3 place = (to_world * vec4(first * place_f + second * place_b, 1.0)).xyz;
  out_position = vec4(seen ? place : vec3(0.0), 1.0);
#endif
#ifdef VECTOR
  vec4 vector_f = texelFetch(forward_vector, texel, 0), vector_b = texelFetch(backward_vector, texel, 0);
  vec4 vector = vector_f * first / max(alpha_f, 1e-6) + vector_b * second / max(alpha_b, 1e-6);
  out_vector = seen ? vector : vec4(0.0);
#endif
}
