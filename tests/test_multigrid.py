"""The screened Poisson equation on several grids."""

import numpy as np
import pytest
from make_4d.ml.classical.multigrid import Grid, solve
from scipy import sparse
from scipy.sparse import linalg


def exact(hole, screening, wanted):
    """Solve the same equation by elimination."""
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    matrix = sparse.lil_matrix((hole.sum(), hole.sum()))
    for row, column in zip(*np.nonzero(hole), strict=True):
        own = number[row, column]
        matrix[own, own] = screening[row, column]
        for y, x in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= y < hole.shape[0] and 0 <= x < hole.shape[1]:
                matrix[own, own] += 1.0
                if hole[y, x]:
                    matrix[own, number[y, x]] = -1.0
    result = np.zeros(hole.shape)
    result[hole] = linalg.spsolve(matrix.tocsc(), wanted[hole])
    return result


@pytest.mark.parametrize("shape", [(1, 1), (7, 50), (64, 64), (61, 83)])
@pytest.mark.parametrize("kind", ["ragged", "around", "all"])
def test_the_solution_is_that_of_the_linear_system(shape, kind):
    rng = np.random.default_rng(sum(shape))
    hole = rng.random(shape) < 0.8
    if kind == "around":
        hole = np.ones(shape, bool)
        hole[shape[0] // 3 : -shape[0] // 3, shape[1] // 3 : -shape[1] // 3] = False
    elif kind == "all":
        hole = np.ones(shape, bool)
    hole[0, 0] = True
    screening = rng.choice([0.0004, 0.004], shape).astype(np.float32)
    wanted = (rng.normal(size=shape) * hole).astype(np.float32)
    expected = exact(hole, screening, wanted)
    found = solve(Grid.of_hole(hole, screening).pyramid(), wanted)
    assert (found[~hole] == 0.0).all()
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max() + 1e-6


def test_nothing_wanted_gives_nothing():
    hole = np.ones((20, 20), bool)
    grids = Grid.of_hole(hole, np.ones((20, 20), np.float32)).pyramid()
    assert (solve(grids, np.zeros((20, 20), np.float32)) == 0.0).all()


def test_it_can_be_canceled():
    def cancel():
        raise InterruptedError

    hole = np.ones((20, 20), bool)
    grids = Grid.of_hole(hole, np.ones((20, 20), np.float32)).pyramid()
    with pytest.raises(InterruptedError):
        solve(grids, np.ones((20, 20), np.float32), cancel)
