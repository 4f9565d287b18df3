"""Does a set of boxes fit into a carton? Decided by proof, slowly."""

from __future__ import annotations

from itertools import combinations, permutations


def fits(size, boxes, seconds=20.0):
    """True or False by CP-SAT, None where it did not finish.

    Each box takes one of its turns and a corner; any two are apart along some axis.
    """
    from ortools.sat.python import cp_model

    cp = cp_model.CpModel()
    corner, extent = [], []
    for box in boxes:
        turns = sorted(
            {
                turn
                for turn in permutations(int(side) for side in box)
                if all(a <= b for a, b in zip(turn, size, strict=True))
            }
        )
        if not turns:
            return False
        sides = [cp.new_int_var(0, int(length), "") for length in size]
        cp.add_allowed_assignments(sides, turns)
        at = [cp.new_int_var(0, int(length), "") for length in size]
        for a, e, length in zip(at, sides, size, strict=True):
            cp.add(a + e <= int(length))
        corner.append(at)
        extent.append(sides)
    for i, j in combinations(range(len(boxes)), 2):
        apart = []
        for axis in range(3):
            for first, second in ((i, j), (j, i)):
                before = cp.new_bool_var("")
                cp.add(corner[first][axis] + extent[first][axis] <= corner[second][axis]).only_enforce_if(before)
                apart.append(before)
        cp.add_bool_or(apart)
    room = 1
    for length in size:
        room *= int(length)
    if sum(int(a) * int(b) * int(c) for a, b, c in boxes) > room:
        return False
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(cp)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return True
    return False if status == cp_model.INFEASIBLE else None
