"""A solver that dies, hangs, lies or says nothing never takes the caller down, and is never believed unchecked."""

import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.errors import FieldError, SolveError
from omsim.optimize.mip_solvers import SolverAnswer, solve_cp_sat, solve_highs
from omsim.optimize.solver_process import ChildDiedError, ChildOverranError, SolverProcess, kept_process
from omsim.optimize.solving import MipModel, broken_rule, solve_mip


def knapsack(**changes):
    """Values 10, 13, 7 of weights 3, 4, 2 in room 6: the last two, worth 20."""
    fields = {
        "cost": [-10.0, -13.0, -7.0],
        "rows": [[3.0, 4.0, 2.0]],
        "row_lower": [0.0],
        "row_upper": [6.0],
        "lower": [0.0] * 3,
        "upper": [1.0] * 3,
        "whole": [True] * 3,
        "name": "knapsack",
    }
    return MipModel(**(fields | changes))


def aborting(model, limits):
    """Dies of a signal, as a library with a failed assertion does."""
    os.abort()


def hanging(model, limits):
    """Ignores its limit."""
    time.sleep(600)


def out_of_memory(model, limits):
    """Runs out of memory."""
    raise MemoryError("no room")


def greedy_for_memory(model, limits):
    """Asks for 8 GB."""
    return np.ones(1 << 30)


def printing(model, limits):
    """Prints as libraries do."""
    os.write(1, b"a library's banner\n")
    return solve_highs(model, limits)


def overweight(model, limits):
    """Breaks the room."""
    return SolverAnswer(status="optimal", x=np.ones(3), bound=-30.0, detail="done")


def too_dear(model, limits):
    """Calls a poor solution optimal."""
    return SolverAnswer(status="optimal", x=np.array([1.0, 0.0, 0.0]), bound=-10.0, detail="done")


def fractional(model, limits):
    """Halves what must be whole."""
    return SolverAnswer(status="optimal", x=np.array([0.0, 1.0, 0.5]), bound=-16.5, detail="done")


def not_a_number(model, limits):
    """Returns NaN."""
    return SolverAnswer(status="optimal", x=np.full(3, np.nan), bound=-20.0, detail="done")


def falsely_infeasible(model, limits):
    """Says there is no solution."""
    return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail="no way")


def silent(model, limits):
    """Finds nothing in time, but a bound."""
    return SolverAnswer(status="nothing", x=None, bound=-25.0, detail="time limit")


def boundless(model, limits):
    """Says costs fall without end."""
    return SolverAnswer(status="unbounded", x=None, bound=-np.inf, detail="ray")


def remembering(model, limits):
    """Says the process it ran in."""
    return SolverAnswer(status="optimal", x=np.array([0.0, 1.0, 1.0]), bound=-20.0, detail=str(os.getpid()))


@pytest.mark.parametrize("solver", ["highs", "cp_sat", "sooner"])
@pytest.mark.parametrize("isolate", [True, False])
def test_each_solver_proves_the_optimum(solver, isolate):
    """Both solvers, and whichever is sooner, find and prove the best knapsack, in a child or here."""
    answer = solve_mip(knapsack(), seconds=30, solver=solver, isolate=isolate)
    assert (answer.status, answer.x.tolist(), answer.cost, answer.gap) == ("optimal", [0.0, 1.0, 1.0], -20.0, 0.0)
    assert answer.fallback == ""


@pytest.mark.parametrize(
    ("faulty", "outcome", "words"),
    [
        (aborting, "crashed", "SIGABRT"),
        (out_of_memory, "crashed", "MemoryError"),
        (overweight, "wrong", "row 0 is 9, above 6"),
        (fractional, "wrong", "column 2 is 0.5, not whole"),
        (not_a_number, "wrong", "column 0 is nan"),
    ],
)
def test_a_faulty_solver_is_recorded_and_another_tried(faulty, outcome, words):
    """A crash or a wrong answer is followed by one retry, whose proof the caller gets, with the reason kept."""
    answer = solve_mip(knapsack(), seconds=30, solver=faulty)
    assert (answer.status, answer.solver, answer.cost) == ("optimal", "highs", -20.0)
    assert [attempt.outcome for attempt in answer.attempts] == [outcome, "optimal"]
    assert words in answer.fallback


def test_a_hanging_solver_is_killed_at_its_deadline():
    """The child dies at the deadline and the caller hears so within it; the next solve gets a new child."""
    with kept_process() as process:
        process.call(os.getpid, seconds=60)  # so that only the deadline is timed
    answer = solve_mip(knapsack(), seconds=0.3, solver=hanging, grace_seconds=0.2)
    assert (answer.status, answer.x, answer.attempts[0].outcome) == ("timed_out", None, "timed_out")
    assert 0.5 <= answer.seconds < 5.0
    with pytest.raises(SolveError, match=r"knapsack.*hanging timed_out"):
        answer.solution("knapsack")
    assert solve_mip(knapsack(), seconds=30).status == "optimal"


def test_a_hint_survives_every_failure():
    """With a feasible hint in hand the worst outcome is the hint, marked as such."""
    answer = solve_mip(knapsack(), seconds=0.2, solver=hanging, hint=[1.0, 0.0, 1.0], grace_seconds=0.1)
    assert (answer.status, answer.solver, answer.cost) == ("feasible", "hint", -17.0)
    assert "hanging timed_out" in answer.fallback


def test_infeasible_is_not_believed_against_a_hint():
    """INFEASIBLE in the face of a feasible hint counts as wrong, and another solver decides."""
    answer = solve_mip(knapsack(), seconds=30, solver=falsely_infeasible, hint=[1.0, 0.0, 1.0])
    assert [attempt.outcome for attempt in answer.attempts] == ["wrong", "optimal"]
    assert (answer.status, answer.cost) == ("optimal", -20.0)
    assert solve_mip(knapsack(), seconds=30, solver=falsely_infeasible).status == "infeasible"


def test_optimal_is_not_believed_against_a_better_hint():
    """A solver that calls a dearer solution optimal than the hint is wrong."""
    answer = solve_mip(knapsack(), seconds=30, solver=too_dear, hint=[0.0, 1.0, 1.0])
    assert [attempt.outcome for attempt in answer.attempts] == ["wrong", "optimal"]
    assert answer.cost == -20.0


def test_a_hint_that_breaks_a_rule_is_no_hint():
    """An infeasible hint is not handed back as a solution."""
    answer = solve_mip(knapsack(), seconds=1, solver=silent, hint=[1.0, 1.0, 1.0])
    assert (answer.status, answer.x, answer.bound) == ("timed_out", None, -25.0)


def test_a_bound_is_kept_with_the_hint():
    """A solver that only found a bound still tells how far off the hint may be."""
    answer = solve_mip(knapsack(), seconds=1, solver=silent, hint=[0.0, 1.0, 1.0])
    assert (answer.status, answer.bound, answer.gap) == ("feasible", -25.0, 0.25)


def test_memory_is_limited():
    """A child that asks for more than its address space gets a clean MemoryError; the next call is unlimited again."""
    pytest.importorskip("resource")
    answer = solve_mip(knapsack(), seconds=30, solver=greedy_for_memory, memory_mb=4_000)
    assert "MemoryError" in answer.attempts[0].detail
    assert answer.cost == -20.0


def test_an_unbounded_model_is_an_error():
    """No solver helps an unbounded model: it raises."""
    with pytest.raises(SolveError, match="unbounded"):
        solve_mip(knapsack(), seconds=5, solver=boundless)
    with pytest.raises(SolveError, match="unbounded"):
        solve_mip(knapsack(rows=np.zeros((0, 3)), row_lower=[], row_upper=[], upper=[np.inf] * 3), seconds=5)


def test_what_libraries_print_does_not_disturb():
    """Output of a solver library in the child does not reach the pipe of answers."""
    assert solve_mip(knapsack(), seconds=30, solver=printing).cost == -20.0


def test_one_child_serves_many_calls():
    """The child is kept: two solves run in the same process, which is not ours."""
    pids = {solve_mip(knapsack(), seconds=30, solver=remembering).attempts[0].detail for _ in range(2)}
    assert len(pids) == 1
    assert pids != {str(os.getpid())}


@pytest.mark.parametrize("solver", [solve_highs, solve_cp_sat])
def test_the_same_answer_here_and_in_a_child(solver):
    """A model with many equally good solutions gets the same one bit for bit, twice in a child and here."""
    rng = np.random.default_rng(3)
    model = MipModel(
        cost=-rng.integers(1, 4, 40).astype(float),
        rows=rng.integers(1, 9, (5, 40)).astype(float),
        row_lower=np.zeros(5),
        row_upper=np.full(5, 40.0),
        lower=np.zeros(40),
        upper=np.ones(40),
        whole=np.ones(40, dtype=bool),
    )
    answers = [solve_mip(model, seconds=60, solver=solver, isolate=isolate) for isolate in (True, True, False)]
    assert {answer.status for answer in answers} == {"optimal"}
    assert len({answer.x.tobytes() for answer in answers}) == 1


def test_a_function_that_cannot_be_sent_is_named():
    """A lambda cannot be sent to a child: a clear error, and the child stays usable."""
    with pytest.raises(FieldError, match="module-level"):
        solve_mip(knapsack(), seconds=5, solver=lambda model, limits: None)


def test_the_process_reports_how_it_ended():
    """A bare process call tells an overrun from a death, and starts anew after either."""
    process = SolverProcess()
    try:
        with pytest.raises(ChildDiedError, match="exit code 7"):
            process.call(os._exit, 7, seconds=60)
        with pytest.raises(ChildOverranError):
            process.call(time.sleep, 600, seconds=0.1)
        assert process.call(len, "four", seconds=60) == 4
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cost": [1.0, np.nan, 0.0]}, "cost must be finite"),
        ({"rows": [[1.0, np.inf, 0.0]]}, "nan|rows must be finite"),
        ({"rows": [[1.0, np.nan, 0.0]]}, "rows must be finite"),
        ({"row_upper": [np.nan]}, "row_upper"),
        ({"lower": [0.0, 0.0]}, "lower must be of shape"),
        ({"upper": [1.0, np.nan, 1.0]}, "upper"),
        ({"whole": [True]}, "whole"),
    ],
)
def test_bad_numbers_never_reach_a_solver(changes, words):
    """A NaN, an infinite coefficient or a short column is refused when the model is built."""
    with pytest.raises(FieldError, match=words):
        knapsack(**changes)


def test_crossed_limits_are_infeasible_without_a_solver():
    """A column or row whose limits exclude each other is infeasible, and says which."""
    answer = solve_mip(knapsack(lower=[0.0, 2.0, 0.0]), seconds=5, solver=aborting)
    assert (answer.status, answer.attempts[0].detail) == ("infeasible", "column 1 must be at least 2 and at most 1")


def test_cp_sat_refuses_what_it_cannot_hold():
    """Sums beyond 2^62 and columns that need not be whole go to HiGHS instead, with the reason."""
    huge = knapsack(rows=[[1e15, 2e15 / 3, 1e15]], upper=[1e6] * 3, row_upper=[1e15])
    answer = solve_mip(huge, seconds=20, solver="cp_sat")
    assert answer.attempts[0].outcome == "crashed"
    assert "CP-SAT cannot take" in answer.fallback
    part = knapsack(whole=[True, True, False])
    answer = solve_mip(part, seconds=20, solver="cp_sat")
    assert (answer.status, answer.solver, answer.cost) == ("optimal", "highs", -20.0)


def test_rows_of_whole_numbers_are_checked_exactly():
    """A row over whole columns must hold exactly, even where a tolerance in proportion would let it pass."""
    model = knapsack(rows=[[1e9, 1.0, 0.0]], row_upper=[1e9], cost=[-1.0, -1.0, 0.0])
    assert broken_rule(model, np.array([1.0, 1.0, 0.0])) == "row 0 is 1000000001, above 1000000000"


def test_fixed_charge_columns_are_settled():
    """Where a switch is whole only within tolerance, the amounts it frees follow the exact switch."""
    model = MipModel(
        cost=[1.0, 1e-6],
        rows=[[-1e6, 1.0], [0.0, 1.0]],
        row_lower=[-np.inf, 0.9],
        row_upper=[0.0, np.inf],
        lower=[0.0, 0.0],
        upper=[1.0, 10.0],
        whole=[True, False],
    )
    answer = solve_mip(model, seconds=10, isolate=False)
    assert answer.status == "optimal"
    assert answer.x[0] == 1.0


@settings(max_examples=60)
@given(
    data=st.data(),
    n_columns=st.integers(1, 4),
    n_rows=st.integers(0, 3),
)
def test_both_solvers_agree_with_trying_everything(data, n_columns, n_rows):
    """On small whole models HiGHS and CP-SAT find the cost that enumeration finds, or both infeasibility."""
    numbers = st.integers(-5, 5)
    cost = data.draw(st.lists(numbers, min_size=n_columns, max_size=n_columns))
    rows = np.array(data.draw(st.lists(numbers, min_size=n_rows * n_columns, max_size=n_rows * n_columns)))
    rows = rows.reshape(n_rows, n_columns) / data.draw(st.sampled_from([1, 4]))
    top = np.array(data.draw(st.lists(st.integers(-6, 8), min_size=n_rows, max_size=n_rows)), dtype=float)
    model = MipModel(
        cost=cost,
        rows=rows,
        row_lower=top - data.draw(st.integers(0, 9)),
        row_upper=top,
        lower=[-1.0] * n_columns,
        upper=[2.0] * n_columns,
        whole=[True] * n_columns,
    )
    grid = np.stack(np.meshgrid(*[np.arange(-1.0, 3.0)] * n_columns, indexing="ij"), -1).reshape(-1, n_columns)
    held = np.array([broken_rule(model, point) == "" for point in grid])
    inside = ((grid @ rows.T <= top) & (grid @ rows.T >= model.row_lower)).all(axis=1)
    np.testing.assert_array_equal(held, inside)
    for solver in (solve_highs, solve_cp_sat):
        answer = solve_mip(model, seconds=20, solver=solver, isolate=False)
        if inside.any():
            assert (answer.status, answer.cost) == ("optimal", (grid[inside] @ np.array(cost)).min())
        else:
            assert answer.status == "infeasible"
