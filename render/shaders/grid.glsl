// Discs are sorted by cell, on grids of growing cells; the first cells are a pixel wide. A disc is in
// the finest grid whose cells are at least as wide as its radius: whatever touches a pixel lies in the
// pixel's own cell or in one of the eight around it. A rim of cells holds what lies outside.

// Cell width, columns and rows with the rims, and the row where the level begins in the image of cells.
vec4 grid_of(int level)
{
  return texelFetch(grids, ivec2(level, 0), 0);
}

// A cell's sides count 2^20 steps in the packed discs, and its neighbors are told apart by two bits.
const float STEPS = 1048576.0;
