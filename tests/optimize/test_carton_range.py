"""Which cartons to keep: against every set there is, with packing done for real, and with bad input named."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.errors import FieldError
from omsim.kernels.packing.cartons import CartonRange, carton_range, goods, pack_parcels
from omsim.optimize.carton_candidates import candidate_cartons
from omsim.optimize.carton_range import broken_choice, choose_range, range_costs

SENDING = {"parcel_cents": 500, "own_packaging_cents": 90}


def best_of_all_sets(costs, parcels, most_kinds, keep=()):
    """Least cost of any set, tried one by one."""
    n = costs.shape[1]
    return min(
        int((costs[:, kept].min(axis=1) * parcels).sum())
        for size in range(1, most_kinds + 1)
        for kept in combinations(range(n), size)
        if set(keep) <= set(kept)
    )


TABLES = st.integers(1, 6).flatmap(
    lambda n: st.lists(
        st.tuples(st.lists(st.integers(0, 60), min_size=n, max_size=n), st.integers(0, 9)), min_size=1, max_size=12
    )
)


@settings(max_examples=25, deadline=None)
@given(TABLES, st.integers(1, 4), st.booleans())
def test_proved_choice_is_the_best_of_all_sets(rows, most_kinds, fixing):
    """With a solver every choice is proved, and costs what the best set costs; kinds to be kept are."""
    costs, parcels = np.array([row for row, _ in rows]), np.array([number for _, number in rows])
    keep = [costs.shape[1] - 1] if fixing else []
    chosen = choose_range(costs, most_kinds=most_kinds, parcels=parcels, keep=keep)
    assert chosen.cost_cents == best_of_all_sets(costs, parcels, most_kinds, keep)
    assert (chosen.status, chosen.gap) == ("optimal", 0.0)
    assert set(keep) <= set(chosen.kept.tolist())
    assert broken_choice(costs, chosen, most_kinds=most_kinds, parcels=parcels, keep=keep) == ""


def test_solver_proves_what_prices_leave_open():
    """Wider tables, some with many equal costs, of which prices settle most and the solver the rest."""
    rng = np.random.default_rng(7)
    how = []
    for case in range(60):
        n_kinds, n_parcels, most_kinds = (int(rng.integers(low, high)) for low, high in ((5, 11), (10, 40), (2, 5)))
        costs, parcels = rng.integers(0, 100 if case % 2 else 6, (n_parcels, n_kinds)), rng.integers(0, 9, n_parcels)
        keep = [int(rng.integers(n_kinds))] if case % 3 == 0 else []
        chosen = choose_range(costs, most_kinds=most_kinds, parcels=parcels, keep=keep)
        assert chosen.cost_cents == best_of_all_sets(costs, parcels, most_kinds, keep), case
        assert chosen.status == "optimal"
        how.append(chosen.how)
    assert {"highs", "prices"} <= set(how)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.integers(1, 4), st.booleans())
def test_bound_by_prices_holds(rows, most_kinds, fixing):
    """Without a solver the bound never lies above the best set, nor the cost below it; the gap says how far apart."""
    costs, parcels = np.array([row for row, _ in rows]), np.array([number for _, number in rows])
    keep = [0] if fixing else []
    chosen = choose_range(costs, most_kinds=most_kinds, parcels=parcels, keep=keep, most_columns=0)
    best = best_of_all_sets(costs, parcels, most_kinds, keep)
    assert chosen.bound_cents <= best <= chosen.cost_cents
    assert chosen.how in ("prices", "each parcel's best")
    if chosen.cost_cents:
        assert chosen.gap == pytest.approx((chosen.cost_cents - chosen.bound_cents) / chosen.cost_cents)


def sample(n_parcels=400, seed=0):
    """Parcels of one to six units of mixed sizes."""
    rng = np.random.default_rng(seed)
    long = np.clip(np.exp(rng.normal(np.log(140), 0.5, 500)), 40, 450)
    wide, high = long * rng.uniform(0.4, 1, 500), long * rng.uniform(0.1, 0.5, 500)
    items = goods(*np.rint([long, wide, high]).astype(np.int64), rng.integers(50, 2000, 500))
    count = rng.integers(1, 7, n_parcels)
    first = np.concatenate([[0], np.cumsum(count)])
    return items, first, rng.integers(0, 500, first[-1]), np.ones(first[-1], dtype=np.int64)


def test_kept_cartons_cost_what_was_said():
    """Parcels packed into the kept kinds for real cost what the choice says, as cost alone decides which is taken."""
    items, first, sku, units = sample()
    candidates = candidate_cartons(items, first, sku, units, n_sizes=6)
    biggest = candidates.cost_cents.size - 1
    costs = range_costs(candidates, items, first, sku, units, **SENDING)
    chosen = choose_range(costs, most_kinds=5, keep=[biggest])
    kept = CartonRange(*(column[chosen.kept] for column in candidates))
    packed = pack_parcels(kept, items, first, sku, units)
    one = (np.diff(packed.first_carton) == 1) & (packed.carton[packed.first_carton[:-1]] >= 0)
    assert one.mean() > 0.98
    said = costs[np.arange(first.size - 1), chosen.candidate]
    taken = packed.carton[packed.first_carton[:-1][one]]
    assert (kept.cost_cents[taken] + 500).tolist() == said[one].tolist()
    assert chosen.status == "optimal"
    assert chosen.gap == 0.0


def test_more_kinds_never_cost_more():
    """Each further kind saves something or nothing, and prices come close to the proof."""
    items, first, sku, units = sample(300, seed=2)
    candidates = candidate_cartons(items, first, sku, units, n_sizes=5)
    costs = range_costs(candidates, items, first, sku, units, **SENDING, dm3_cents=4.0)
    proved = [choose_range(costs, most_kinds=k) for k in (1, 2, 4, 7)]
    assert all(a.cost_cents > b.cost_cents for a, b in pairwise(proved))
    priced = choose_range(costs, most_kinds=4, most_columns=0)
    assert priced.how == "prices"
    assert priced.cost_cents <= 1.01 * proved[2].cost_cents
    assert 0.97 * proved[2].cost_cents <= priced.bound_cents <= proved[2].cost_cents


def test_costs_count_every_carton_volume_and_charge():
    """A parcel that takes three cartons pays for three, each with its volume and what the carrier asks."""
    cartons = carton_range([100, 200], [100, 100], [100, 100], wall_mm=50, tare_g=10, cost_cents=[7, 20])
    items = goods([100, 300], [100, 10], [100, 10], [1000, 5])
    asked = []

    def price(weight_g, volume_mm3, longest_mm, girth_mm):
        asked.append((weight_g.tolist(), volume_mm3.tolist(), longest_mm.tolist(), girth_mm.tolist()))
        return weight_g // 10

    costs = range_costs(cartons, items, [0, 1, 2, 2], [0, 1], [3, 1], dm3_cents=2.0, price=price, **SENDING)
    # 3 x (500 + 7 + 16 + 101); 2 x (500 + 20 + 24) + 201 + 101; wrapped by itself: 500 + 90
    assert costs.tolist() == [[1872, 1390], [590, 590], [0, 0]]
    assert asked[0] == ([1010] * 3 + [5], [8_000_000] * 3 + [30_000], [200] * 3 + [300], [1000] * 3 + [340])


def test_candidates_hold_their_sample():
    """Every parcel's units fit by size into some candidate; sides are whole steps and none comes twice."""
    items, first, sku, units = sample(200, seed=5)
    candidates = candidate_cartons(items, first, sku, units, n_sizes=4, step_mm=25)
    sides = np.stack(candidates[:3], axis=1)
    assert (sides % 25 == 0).all()
    assert np.unique(sides, axis=0).shape == sides.shape
    assert sides[:, 0].max() >= items.length_mm[sku].max()
    assert (np.diff(sides.prod(axis=1)) >= 0).all()
    packed = pack_parcels(candidates, items, first, sku, units)
    assert (packed.carton >= 0).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cost_cents": np.array([[1, -1]])}, "cost_cents must be at least 0, got -1"),
        ({"cost_cents": np.zeros((2, 0), dtype=np.int64)}, "cost_cents must be a table"),
        ({"most_kinds": 0}, "most_kinds must be at least 1, got 0"),
        ({"keep": [2]}, "keep must be from 0 to 1"),
        ({"keep": [0, 1], "most_kinds": 1}, "keep must be at most most_kinds (1), got 2"),
        ({"parcels": [1, 2, 3]}, "parcels must be one number, or one for each of 1"),
        ({"parcels": -1}, "parcels must be at least 0"),
        ({"cost_cents": np.array([[1, 2**60]])}, "below 2^53 cents"),
    ],
)
def test_choices_that_make_no_sense_are_named(change, words):
    """Negative costs, no candidates, too few kinds for those to be kept: one line each."""
    given = {"cost_cents": np.array([[1, 2]]), "most_kinds": 1, **change}
    with pytest.raises(FieldError) as error:
        choose_range(given.pop("cost_cents"), **given)
    assert words in str(error.value)


def test_prices_and_parameters_out_of_range_are_named():
    """A price of parts of cents, a negative one, shapes without size and samples without volume are refused."""
    items, first, sku, units = sample(5)
    cartons = carton_range([500], [400], [300])
    for price in (lambda weight, *_: weight * 0.5, lambda weight, *_: -weight, lambda *_: np.array(3)):
        with pytest.raises(FieldError, match="price must be one whole number >= 0 a carton"):
            range_costs(cartons, items, first, sku, units, price=price, **SENDING)
    with pytest.raises(FieldError, match="parcel_cents must be"):
        range_costs(cartons, items, first, sku, units, parcel_cents=-1, own_packaging_cents=0)
    with pytest.raises(FieldError, match="dm3_cents must be"):
        range_costs(cartons, items, first, sku, units, dm3_cents=float("nan"), **SENDING)
    for field, value in (("shapes", [[1, 1, 0]]), ("n_sizes", 0), ("fill_share", 1.5), ("step_mm", 0)):
        with pytest.raises(FieldError, match=f"{field} must be"):
            candidate_cartons(items, first, sku, units, **{field: value})
    with pytest.raises(FieldError, match="items must be of some volume"):
        candidate_cartons(goods([0], [1], [1], [1]), [0, 1], [0], [4])
