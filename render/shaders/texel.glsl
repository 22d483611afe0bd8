// Where a point's values lie in a texture: points fill rows of a power of two.
ivec2 texel_of(int index)
{
  return ivec2(index & ((1 << ROW_BITS) - 1), index >> ROW_BITS);
}
