// One invocation per row of cells: replaces the number of discs in each cell by the index of the cell's
// first disc in the sorted list. Rows follow one another there in any order, the cells of a row from
// left to right.
void main()
{
  int row = invocation();
  if (row >= imageSize(cells).y) {
    return;
  }
  int level = 0;
  while (row >= int(grid_of(level).w + grid_of(level).z)) {
    level++;
  }
  int columns = int(grid_of(level).y);
  uint total = 0u;
  for (int column = 0; column < columns; column++) {
    total += imageLoad(cells, ivec2(column, row)).r;
  }
  uint begin = imageAtomicAdd(used, ivec2(1, 0), total);
  for (int column = 0; column < columns; column++) {
    uint count = imageLoad(cells, ivec2(column, row)).r;
    imageStore(cells, ivec2(column, row), uvec4(begin));
    begin += count;
  }
  imageStore(cells, ivec2(columns, row), uvec4(begin));
}
