// Position in the camera frame of the point that a disc (center in pixels, depth, radius) belongs to.
vec3 camera_position(vec4 disc, float depth)
{
  vec2 ray = (disc.xy - lens.zw) / lens.xy;
  return vec3(orthographic > 0.0 ? ray : ray * depth, depth);
}
