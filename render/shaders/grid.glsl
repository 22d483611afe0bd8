// Points lie in lists by cell, on grids of growing cells; the first cells are a pixel wide. A disc is
// in the finest grid whose cells are at least as wide as its radius: whatever touches a pixel lies in
// the pixel's own cell or in one of the eight around it. A rim of cells holds what lies outside.

// Cell width, columns, rows with the rims, and the row where the level begins in the image of heads.
vec4 grid_of(int level)
{
  return texelFetch(grids, ivec2(level, 0), 0);
}

ivec2 cell_of(vec2 place, vec4 grid)
{
  ivec2 cell = ivec2(floor(place / grid.x)) + 1;
  return clamp(cell, ivec2(0), ivec2(grid.yz) - 1) + ivec2(0, int(grid.w));
}
