// Discs are sorted by cell, on grids with growing cells; the finest cells are a pixel wide. A disc is
// in the finest grid whose cells are at least as wide as its radius, so whatever touches a pixel is in
// the pixel's own cell or in one of the eight around it. A rim of cells holds what lies outside.

// Cell width, columns and rows including the rim, and the level's first row in the image `cells`.
vec4 grid_of(int level)
{
  return texelFetch(grids, ivec2(level, 0), 0);
}

// Packed discs divide a cell's sides into 2^20 steps and tell its neighbors apart by two bits.
const float STEPS = 1048576.0;
