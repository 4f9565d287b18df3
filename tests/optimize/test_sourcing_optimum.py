"""The optimum of a batch: equal to enumeration, whoever solves it, and never lost whatever a solver does."""

import itertools
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.sourcing import best_batch_cost, tiny_case
from sourcing_enumeration import columns, copied, least_cost, random_case

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Batch, Choice, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.order_choice import choose_orders
from omsim.model.sourcing_tables import SOURCING_RULES
from omsim.optimize.mip_solvers import SolverAnswer
from omsim.optimize.solving import solve_mip
from omsim.optimize.sourcing.check import check_sourcing
from omsim.optimize.sourcing.in_turn import serve_in_turn
from omsim.optimize.sourcing.model import build_model, choice_of, solution_of
from omsim.optimize.sourcing.optimum import optimal_sourcing
from omsim.optimize.sourcing.source import source_batch


@settings(max_examples=80)
@given(seed=st.integers(0, 10**6), cover=st.sampled_from([0.6, 1.0, 2.0]), unserved=st.sampled_from([150, 500, 2000]))
def test_the_optimum_is_that_of_enumeration(seed, cover, unserved):
    """With every rule on: whole lines, whole orders, split limits, room, kept units, channels."""
    case = random_case(seed, cover=cover)
    best = optimal_sourcing(*case, unserved, isolate=False)
    assert best.cost_cents == least_cost(*case, unserved)[0]
    assert (best.status, best.bound_cents, best.gap, best.fallback) == ("optimal", best.cost_cents, 0.0, "")


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_the_optimum_is_that_of_another_enumeration(seed):
    """The oracle of the order choice, written apart from the one above, on its own cases."""
    *case, unserved, _ = tiny_case(seed, 3, keeping=False)
    best = optimal_sourcing(*case, unserved, isolate=False)
    assert best.cost_cents == best_batch_cost(*case, unserved)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_both_solvers_and_the_whole_program_agree(seed):
    """HiGHS on the groups, CP-SAT on the groups, and one integer program for everything: the same cents."""
    case = random_case(seed, n_orders=10, n_lines=3, n_skus=4, cover=0.8)
    costs = {optimal_sourcing(*case, 1500, solver=name, isolate=False).cost_cents for name in ("highs", "cp_sat")}
    model = build_model(*case, 1500)
    whole = solve_mip(model.mip, seconds=60, isolate=False)
    assert costs == {round(whole.cost) + model.nothing_cents}
    assert check_sourcing(*case, choice_of(model, whole.x), 1500).cost_cents in costs


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_a_choice_goes_into_the_program_and_comes_back(seed):
    """Every legal choice with only worthwhile pieces is a solution of the same cost."""
    case = random_case(seed)
    choice = serve_in_turn(*case, 1500, moves=0, seed=0)
    model = build_model(*case, 1500)
    x = solution_of(model, choice)
    back = choice_of(model, x)
    assert sorted(zip(*(column.tolist() for column in back), strict=True)) == sorted(
        zip(*(column.tolist() for column in choice), strict=True)
    )
    assert round(model.mip.cost @ x) + model.nothing_cents == check_sourcing(*case, choice, 1500).cost_cents


def test_what_is_not_scarce_needs_no_solver():
    """With stock for everybody each order chooses for itself, and that is proved to be the optimum."""
    batch, classes, lanes, stock = random_case(3, n_orders=40, n_lines=4, plain=True)
    plenty = stock._replace(free_units=np.full(stock.free_units.size, 1000))
    best = optimal_sourcing(batch, classes, lanes, plenty, 5000, solver=refusing, isolate=False)
    assert (best.method, best.status, best.n_programs, best.n_groups) == ("alone", "optimal", 0, 0)


def test_only_orders_that_meet_are_solved_together():
    """Two pairs of orders, each after the last unit of a SKU, and one order nobody disturbs: two groups of two."""
    batch = Batch(*columns([0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 2], [1] * 5, [0, 1, 0, 1, 0], [0] * 5))
    one = np.ones(1, dtype=bool)
    classes = Classes(np.ones((1, 2), dtype=bool), np.array([2]), one, ~one, nothing_kept(1))
    cents = np.array([[500, 900], [500, 600]])
    lanes = Lanes(np.array([[0, 1], [0, 1]]), cents, np.zeros_like(cents), np.zeros_like(cents))
    stock = Stock(
        np.array([[0, 1, 2], [3, 4, 5]], dtype=np.int32),
        np.array([1, 1, 9, 9, 9, 9]),
        np.array([9, 9]),
        np.full(3, 100),
    )
    best = optimal_sourcing(batch, classes, lanes, stock, 3000, isolate=False)
    assert best.choice.site.tolist() == [0, 1, 0, 1, 0]
    assert (best.cost_cents, best.status, best.n_groups, best.largest_group) == (2700, "optimal", 2, 2)


# One order whose lines all name the same SKU and go whole: sites are plants with a fixed cost and a capacity, lines are
# customers served from one plant each; the single-source capacitated facility location problem.
PLANTS = {
    # demand, capacity, fixed cost, cents a unit -> optimum by enumeration of all 4^n or 3^n assignments
    "tight": ([5, 4, 4, 3, 3, 2, 2], [9, 8, 7], [900, 700, 1000], [30, 55, 20]),
    "loose": ([6, 5, 5, 4, 3, 3, 2, 2], [20, 30, 16], [1500, 2100, 400], [40, 10, 90]),
    "two plants do": ([7, 6, 5, 4, 3, 2, 1], [14, 14, 28], [600, 650, 1400], [12, 9, 4]),
}


@pytest.mark.parametrize("case", PLANTS)
def test_single_source_facility_location_is_solved_to_the_proved_optimum(case):
    """Fixed charges and capacities, every customer whole from one plant: as by enumerating all assignments."""
    demand, capacity, fixed, cents = (np.array(column) for column in PLANTS[case])
    n_lines, n_sites, unserved = demand.size, capacity.size, 400
    batch = Batch(*columns([0, n_lines], [0] * n_lines, demand, [0], [0]))
    one = np.ones(1, dtype=bool)
    classes = Classes(np.ones((1, n_sites), dtype=bool), np.array([n_sites]), ~one, ~one, nothing_kept(1))
    lanes = Lanes(
        np.arange(n_sites)[np.newaxis], fixed[np.newaxis], cents[np.newaxis], np.zeros((1, n_sites), dtype=int)
    )
    stock = Stock(np.arange(n_sites, dtype=np.int32)[:, np.newaxis], capacity, np.full(n_sites, 9), np.array([100]))
    least = min(
        sum(fixed[site] for site in set(plants) - {-1})
        + sum(
            int(units) * (int(cents[site]) if site >= 0 else unserved)
            for units, site in zip(demand, plants, strict=True)
        )
        for plants in itertools.product(range(-1, n_sites), repeat=n_lines)
        if all(demand[np.array(plants) == site].sum() <= capacity[site] for site in range(n_sites))
    )
    for solver in ("highs", "cp_sat"):
        best = optimal_sourcing(batch, classes, lanes, stock, unserved, solver=solver, isolate=False)
        assert (best.cost_cents, best.status) == (least, "optimal")


def refusing(model, limits):
    """No solver at all."""
    raise MemoryError("no room")


def saying_infeasible(model, limits):
    """Wrong: serving nothing is always a solution."""
    return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail="no way")


def out_of_time(model, limits):
    """Met its limit before it had anything."""
    return SolverAnswer(status="nothing", x=None, bound=-np.inf, detail="time limit reached")


def overselling(model, limits):
    """Takes everything from everywhere and calls it optimal."""
    return SolverAnswer(status="optimal", x=model.upper, bound=-1e12, detail="done")


def not_a_number(model, limits):
    """Returns NaN."""
    return SolverAnswer(status="optimal", x=np.full(model.n_columns, np.nan), bound=0.0, detail="done")


def dying(model, limits):
    """Dies as a library with a failed assertion does."""
    os.abort()


def hard_case():
    """Thirty orders after too little stock, which meet."""
    return random_case(11, n_orders=30, n_lines=3, n_skus=5, cover=0.9, plain=True)


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        (saying_infeasible, "saying_infeasible wrong: says infeasible, but a solution is known"),
        (overselling, "overselling wrong: row"),
        (not_a_number, "not_a_number wrong: column 0 is nan"),
        (refusing, "refusing crashed: MemoryError: no room"),
    ],
)
def test_a_failing_solver_is_named_and_replaced(solver, words):
    """The optimum is still found, by the other solver, and the failure is on record."""
    best = optimal_sourcing(*hard_case(), 2000, solver=solver, isolate=False)
    assert words in best.fallback
    assert best.cost_cents == optimal_sourcing(*hard_case(), 2000, isolate=False).cost_cents
    assert best.status == "optimal"


def test_an_order_with_many_sites_is_left_to_the_program():
    """Ten of twenty scarce sites: more sets than are searched, so a program proves it, whoever solves it."""
    rng = np.random.default_rng(0)
    n_sites, n_lines = 20, 30
    carried = rng.random((n_sites, n_lines)) < 0.4
    cell_of = np.full(carried.shape, -1, dtype=np.int32)
    cell_of[carried] = np.arange(carried.sum())
    free_units = rng.integers(1, 3, carried.sum())
    stock = Stock(cell_of, free_units, np.full(n_sites, 10), rng.integers(100, 5000, n_lines))
    none = np.zeros(1, dtype=np.int64)
    batch = Batch(np.array([0, n_lines]), np.arange(n_lines), rng.integers(1, 6, n_lines), none, none)
    yes, no = np.ones((1, n_sites), dtype=np.bool_), np.zeros(1, dtype=np.bool_)
    classes = Classes(yes, np.array([10]), ~no, no, nothing_kept(1))
    lanes = Lanes(np.arange(n_sites)[None], *(rng.integers(low, high, (1, n_sites)) for low, high in
                                              ((300, 900), (0, 50), (0, 80))))  # fmt: skip
    case = batch, classes, lanes, stock
    two = [optimal_sourcing(*case, 3000, solver=name, isolate=False) for name in ("highs", "cp_sat")]
    left = stock._replace(free_units=free_units.copy(), room=stock.room.copy())
    searched = choose_orders(batch, classes, lanes, left, 3000, np.zeros_like(free_units), most_sites=10)
    assert [(best.status, best.n_programs) for best in two] == [("optimal", 1)] * 2
    in_hand = check_sourcing(*case, searched, 3000)
    assert two[0].cost_cents == two[1].cost_cents < in_hand.cost_cents


def test_a_solver_without_time_leaves_the_choice_in_hand():
    """Ruin and recreate's choice stands, with its gap to a proved bound and the reason."""
    best = optimal_sourcing(*hard_case(), 2000, solver=out_of_time, isolate=False)
    proved = optimal_sourcing(*hard_case(), 2000, isolate=False)
    in_hand = check_sourcing(*hard_case(), serve_in_turn(*hard_case(), 2000, moves=0, seed=0), 2000)
    assert "out_of_time timed_out: time limit reached" in best.fallback
    assert best.bound_cents <= proved.cost_cents <= best.cost_cents <= in_hand.cost_cents
    assert best.gap == (best.cost_cents - best.bound_cents) / best.cost_cents


def test_a_dying_process_takes_nothing_with_it():
    """In its own process a solver may abort; the other one answers."""
    best = optimal_sourcing(*hard_case(), 2000, solver=dying, deadline_s=60.0)
    assert "dying crashed: died, SIGABRT" in best.fallback
    assert best.status == "optimal"


def test_a_spent_deadline_is_named():
    """Without any time the choice in hand stands."""
    best = optimal_sourcing(*hard_case(), 2000, deadline_s=1e-9, isolate=False)
    assert "had no time left" in best.fallback
    assert best.status == "feasible"


def test_a_broken_kernel_is_named_and_survived(monkeypatch):
    """Whatever goes wrong on the way, a batch is served."""
    monkeypatch.setattr("omsim.optimize.sourcing.search.group_orders", lambda *given: 1 / 0)
    best = optimal_sourcing(*hard_case(), 2000, isolate=False)
    assert (best.method, best.fallback) == ("sequence", "ZeroDivisionError: division by zero")
    assert best.check.broken == ""


def test_too_large_a_group_is_improved_without_a_solver():
    """Beyond the limit on ways ruin and recreate decides, the same every time, with a proved bound."""
    answers = [optimal_sourcing(*hard_case(), 2000, most_options=20, solver=refusing) for _ in range(2)]
    assert answers[0].n_programs == 0
    assert "orders that meet in" in answers[0].fallback
    assert 0.0 <= answers[0].gap < 0.05
    for first, second in zip(answers[0].choice, answers[1].choice, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_start_is_never_lost():
    """The optimum given as a start comes back where no solver runs; an illegal start is ignored."""
    proved = optimal_sourcing(*hard_case(), 2000, isolate=False)
    again = optimal_sourcing(*hard_case(), 2000, start=proved.choice, most_options=0, moves_per_order=0)
    assert again.cost_cents == proved.cost_cents
    oversold = Choice(proved.choice.line, proved.choice.site, proved.choice.units + 5)
    best = optimal_sourcing(*hard_case(), 2000, start=oversold, isolate=False)
    assert best.cost_cents == proved.cost_cents


def test_the_answer_does_not_depend_on_the_process():
    """The same choice, piece by piece, in this process and in another."""
    here, there = (optimal_sourcing(*hard_case(), 2000, isolate=isolate) for isolate in (False, True))
    for first, second in zip(here.choice, there.choice, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("aim_gap", [0.02, 0.2])
def test_a_gap_that_is_aimed_at_is_kept(aim_gap):
    """The cost is at most that far above the optimum, the bound below it, and nothing counts as failed."""
    case = random_case(5, n_orders=40, n_lines=3, n_skus=6, cover=0.8, plain=True)
    best = optimal_sourcing(*case, 2000, aim_gap=aim_gap, isolate=False)
    proved = optimal_sourcing(*case, 2000, isolate=False)
    assert best.gap <= aim_gap
    assert best.bound_cents <= proved.cost_cents <= best.cost_cents
    assert best.fallback == ""


def test_a_limit_on_nodes_ends_the_search_the_same_way_every_time():
    """HiGHS stops at its node, says so, and its best choice is kept with a gap."""
    case = random_case(4, n_orders=8, n_lines=4, n_sites=4, n_skus=4, cover=0.9, plain=True)
    answers = [
        optimal_sourcing(*case, 1500, most_nodes=1, moves_per_order=0, isolate=isolate) for isolate in (True, False)
    ]
    assert answers[0].fallback == "8 orders that meet: highs feasible: ended by its limit of 1 nodes"
    assert 0.0 < answers[0].gap < 0.1
    np.testing.assert_array_equal(np.stack(answers[0].choice), np.stack(answers[1].choice))


def test_the_caller_s_stock_is_left_alone():
    """An optimum is asked for without taking it."""
    case = hard_case()
    before = copied(case[3])
    optimal_sourcing(*case, 2000, isolate=False)
    np.testing.assert_array_equal(case[3].free_units, before.free_units)
    np.testing.assert_array_equal(case[3].room, before.room)


def test_unusable_numbers_are_refused():
    """NaN, infinity, fractions and negative numbers never reach a solver."""
    batch, classes, lanes, stock = hard_case()
    for unserved in (np.nan, np.inf, 12.5, -1):
        with pytest.raises(FieldError, match="unserved_cents must be whole cents, at least 0"):
            optimal_sourcing(batch, classes, lanes, stock, unserved)
    dear = lanes._replace(unit_cents=np.where(lanes.unit_cents > 100, np.nan, 1.0))
    with pytest.raises(FieldError, match="unit_cents must be whole numbers"):
        optimal_sourcing(batch, classes, dear, stock, 2000)
    short = stock._replace(free_units=stock.free_units - 100)
    with pytest.raises(FieldError, match="free_units must be at least 0"):
        optimal_sourcing(batch, classes, lanes, short, 2000)
    huge = lanes._replace(unit_cents=lanes.unit_cents + 2**51)
    with pytest.raises(FieldError, match="cost of the batch must be at most"):
        optimal_sourcing(batch, classes, huge, stock, 2000)
    with pytest.raises(FieldError, match="solver must be highs, cp_sat or a function"):
        optimal_sourcing(batch, classes, lanes, stock, 2000, solver="guess")
    for limit in ({"deadline_s": 0.0}, {"aim_gap": 1.0}, {"most_nodes": 0}, {"most_options": -1}):
        with pytest.raises(FieldError, match=next(iter(limit))):
            optimal_sourcing(batch, classes, lanes, stock, 2000, **limit)


def shares_of(case, seed):
    """A plan drawn at random over the sites of each line's ranking."""
    rng = np.random.default_rng(seed)
    shares = rng.random((case[0].sku.size, case[3].room.size))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("rule", SOURCING_RULES)
@pytest.mark.parametrize("plain", [True, False])
def test_every_rule_takes_exactly_what_it_gives(rule, plain):
    """Legal by the checker, stock and room lower by its pieces, the same again on the same stock."""
    for seed in range(6):
        case = random_case(seed, n_orders=12, n_lines=3, n_sites=4, n_skus=5, plain=plain)
        batch, classes, lanes, stock = case
        before = copied(stock)
        again = copied(stock)
        plan = shares_of(case, seed)
        choice = source_batch(rule, batch, classes, lanes, stock, 1500, plan_shares=plan, seed=seed)
        check = check_sourcing(batch, classes, lanes, before, choice, 1500)
        assert check.broken == ""
        assert before.free_units.sum() - stock.free_units.sum() == check.served_units
        assert before.room.sum() - stock.room.sum() == check.shipments
        second = source_batch(rule, batch, classes, lanes, again, 1500, plan_shares=plan, seed=seed)
        np.testing.assert_array_equal(np.stack(choice), np.stack(second))
        np.testing.assert_array_equal(stock.free_units, again.free_units)


def test_the_batch_optimum_is_the_cheapest_rule():
    """No rule beats it, and one that looks at the batch does better than serving in turn."""
    costs = {}
    for rule in SOURCING_RULES:
        case = hard_case()
        taken_from = copied(case[3])
        choice = source_batch(rule, *case[:3], taken_from, 2000, plan_shares=shares_of(case, 0))
        costs[rule] = check_sourcing(*case, choice, 2000).cost_cents
    assert min(costs, key=costs.get) == "batch_optimum"
    assert costs["batch_optimum"] < costs["cheapest"]


def test_a_plan_is_followed_where_there_is_stock():
    """Sure sites are taken; where their stock is gone the order's other lines go where a shipment is paid already."""
    batch = Batch(*columns([0, 2], [0, 1], [1, 1], [0], [0]))
    one = np.ones(1, dtype=bool)
    classes = Classes(np.ones((1, 3), dtype=bool), np.array([3]), one, ~one, nothing_kept(1))
    lanes = Lanes(*columns([[0, 1, 2]], [[100, 500, 400]], [[0, 0, 0]], [[0, 0, 0]]))
    stock = Stock(
        np.array([[0, 1], [2, 3], [4, 5]], dtype=np.int32), np.array([5, 0, 5, 5, 5, 5]), np.full(3, 9), np.full(2, 100)
    )
    plan = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    choice = source_batch("coupled_rounding", batch, classes, lanes, stock, 3000, plan_shares=plan)
    assert choice.site.tolist() == [1, 1]
    assert stock.room.tolist() == [9, 8, 9]


def test_the_door_names_what_is_missing():
    """A rule that does not exist, a plan that was not given or has another shape."""
    case = hard_case()
    with pytest.raises(FieldError, match=r"rule must be one of nearest, fewest_splits, .*, got 'luck'"):
        source_batch("luck", *case, 2000)
    with pytest.raises(FieldError, match="plan_shares must be given for coupled_rounding"):
        source_batch("coupled_rounding", *case, 2000)
    with pytest.raises(FieldError, match="plan_shares must be of shape"):
        source_batch("coupled_rounding", *case, 2000, plan_shares=np.ones((1, 2)))
