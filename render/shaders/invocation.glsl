// Number of this invocation of a compute shader; the groups form a rectangle.
int invocation()
{
  uint row = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
  return int(gl_GlobalInvocationID.x + gl_GlobalInvocationID.y * row);
}
