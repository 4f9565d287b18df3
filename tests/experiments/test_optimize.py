"""New policies: what they reach in the simulation, and how they get into a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats

from omsim.errors import InvalidInputError, SolveError
from omsim.experiments import optimize
from omsim.experiments.compare import compare, compared, kpi_frame
from omsim.experiments.history_levels import joined_curves, propose_from_history
from omsim.experiments.long_run import settled
from omsim.experiments.optimize import propose_by_cost, propose_for_fill
from omsim.model.business import Business, Table
from omsim.model.files import read_business, write_business
from omsim.model.templates.making import make_starter
from omsim.optimize.reorder.levels import LevelCurves, choose_levels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def starter() -> Business:
    """One site, twelve SKUs; nothing vanishes and nothing is returned, so that fill is the policies' own."""
    return make_starter()


@pytest.mark.slow
@pytest.mark.parametrize("target", [0.8, 0.95])
def test_the_target_is_met_in_the_simulation(starter: Business, target: float) -> None:
    """On draws the policies have not seen, the business fills about what was asked for."""
    proposal = propose_for_fill(starter, target, seed=1)
    answer = compare({"old": settled(starter), "new": settled(proposal.business)}, replications=6, seed=1)
    (row,) = compared(answer, ["unit_fill"])
    assert row.estimates[1].mean == pytest.approx(target, abs=0.3 * (1 - target) + row.estimates[1].half_width)
    assert "unit_fill" not in kpi_frame(answer).index
    assert list(kpi_frame(answer).columns)[:2] == ["old", "new"]


def test_a_higher_target_takes_more_stock(starter: Business) -> None:
    """Order-up-to levels rise with the fill rate of the cells, in every cell."""
    inputs = optimize.policy_inputs(starter, seed=1)
    (_, low), (_, high) = (optimize._levels_for_fill(inputs, fill) for fill in (0.7, 0.98))
    assert (high >= low).all()
    assert high.sum() > low.sum()


def test_least_cost_levels_make_a_model(starter: Business, tmp_path: Path) -> None:
    """The proposed model is written, read and valid, with a policy in each supplied cell and other tables as before."""
    proposal = propose_by_cost(starter, seed=1)
    write_business(proposal.business, tmp_path / "model")
    read = read_business(tmp_path / "model")
    assert read == proposal.business
    supplied = starter.codes("stock", "supplier") >= 0
    policy = np.array(read["stock"].texts("policy"))
    assert np.isin(policy[supplied], ("min_max", "base_stock")).all()
    assert (proposal.reorder_point_units < proposal.order_up_to_units)[supplied].all()
    assert read["stock"].integers("on_hand_units").tolist() == starter["stock"].integers("on_hand_units").tolist()
    assert {name: len(table) for name, table in read.tables.items()} == {
        name: len(table) for name, table in starter.tables.items()
    }


def test_without_suppliers_there_is_nothing_to_decide(starter: Business) -> None:
    """A model whose cells are never reordered is told so, as invalid input."""
    stock = starter["stock"]
    bare = Table(name="stock", columns={**stock.columns, "supplier": ("",) * len(stock)})
    with pytest.raises(InvalidInputError, match="starter: stock: supplier must be given in some row"):
        propose_by_cost(replace(starter, tables={**starter.tables, "stock": bare}), seed=1)


def test_a_target_out_of_reach_is_no_plan(starter: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no rate of the cells fills the target, the error is that of a missing plan: exit code 4."""
    monkeypatch.setattr(optimize, "_simulated_fill", lambda _business, seed: 0.91)
    with pytest.raises(SolveError, match=r"91.00% in the simulation") as caught:
        propose_for_fill(starter, 0.95, seed=1)
    assert caught.value.exit_code == 4


@given(
    target=floats(0.2, 0.995),
    share=floats(0.05, 1.0),
    power=floats(0.5, 3.0),
)
def test_few_trials_find_the_rate_of_the_cells(target: float, share: float, power: float) -> None:
    """Whatever smooth curve ties the cells' rate to the business's, the trials come close from above."""

    def reached(cell_fill: float) -> float:
        return float(1 - share * (1 - cell_fill) ** power)

    tried: list[tuple[float, float]] = []
    cell_fill = target
    for _ in range(optimize.MOST_TRIALS):
        tried.append((cell_fill, reached(cell_fill)))
        if 0 <= reached(cell_fill) - target <= optimize.CLOSE_SHARE * (1 - target):
            break
        cell_fill = optimize._next_cell_fill(tried, target)
    gap = reached(cell_fill) - target
    at_the_edge = cell_fill in optimize.CELL_FILLS  # the target lies beyond what cells can be asked for
    assert at_the_edge or -1e-9 <= gap <= optimize.CLOSE_SHARE * (1 - target)


def test_a_settled_model_opens_at_its_levels(starter: Business) -> None:
    """Stock opens at what the policies order up to, the wait is warm-up, and as many days count as before."""
    long_run = settled(starter)
    stock, before = long_run["stock"], starter["stock"]
    raised = np.isin(np.array(before.texts("policy")), ("min_max", "base_stock"))
    assert (stock.integers("on_hand_units") == before.integers("order_up_to_units"))[raised].all()
    was, now = starter.settings, long_run.settings
    assert now.horizon_days - now.warm_up_days == was.horizon_days - was.warm_up_days
    assert now.warm_up_days >= was.warm_up_days


def with_history(business: Business, n_days: int = 120) -> Business:
    """The business with a made history of Poisson days that ends before its start."""
    rng = np.random.default_rng(7)
    skus = business["skus"].texts("sku")
    units = rng.poisson(np.linspace(0.5, 6, len(skus)), size=(n_days, len(skus)))
    day, sku = np.nonzero(units)
    first = business.settings.start_date.toordinal() - n_days
    history = Table(
        name="history",
        columns={
            "date": (first + day).astype(np.int64),
            "site": ("",) * len(day),
            "sku": tuple(skus[code] for code in sku.tolist()),
            "units": units[day, sku].astype(np.int64),
            "sold_out": np.zeros(len(day), dtype=np.bool_),
        },
    )
    suppliers = business["suppliers"]
    daily = np.full(len(suppliers), 0b1111111, dtype=np.int64)
    often = Table(name="suppliers", columns={**suppliers.columns, "order_days": daily})
    return replace(business, tables={**business.tables, "history": history, "suppliers": often})


@pytest.mark.slow
def test_a_budget_buys_levels(starter: Business) -> None:
    """More money buys more stock of at least as many units, and the forecast's stock value stays within it."""
    model = with_history(starter)
    cost = np.maximum(model["skus"].integers("unit_cost_cents"), 1)[model.codes("stock", "sku")]
    levels = []
    for budget in (50_000, 200_000):
        proposal = propose_from_history(model, seed=1, budget_cents=budget)
        levels.append(proposal.order_up_to_units @ cost)
        assert set(np.array(proposal.business["stock"].texts("policy"))[proposal.changed]) == {"base_stock"}
    assert levels[0] < levels[1]


def test_a_budget_needs_a_history(starter: Business) -> None:
    """Without one the error says so."""
    with pytest.raises(InvalidInputError, match="no `history` table"):
        propose_from_history(starter, seed=1, budget_cents=1000)


def test_history_cannot_be_split_between_sites(metro: Business) -> None:
    """A SKU reordered at two sites is named."""
    with pytest.raises(InvalidInputError, match=r"reorders SKU \S+ at [23] sites"):
        propose_from_history(with_history(metro), seed=1, budget_cents=1000)


def curves(seed: int, n_items: int) -> LevelCurves:
    """Made concave curves of some items."""
    rng = np.random.default_rng(seed)
    n_levels = 5
    gain = np.sort(rng.random((n_items, n_levels - 1)))[:, ::-1]
    value = np.cumsum(rng.random((n_items, n_levels - 1)) + 0.5, axis=1)
    filled = np.cumsum(gain * np.diff(value, prepend=0.0), axis=1)
    item, step = (index.ravel() for index in np.indices(gain.shape))
    slope = gain.ravel()
    order = np.lexsort((step, item, -slope))
    return LevelCurves(
        levels=np.tile(np.arange(n_levels), (n_items, 1)),
        filled_units_per_day=np.pad(filled, ((0, 0), (1, 0))),
        stock_value_cents=np.pad(value, ((0, 0), (1, 0))),
        demand_units_per_day=filled[:, -1] * 1.1,
        start_level=np.zeros(n_items, dtype=np.int64),
        step_item=item[order],
        step_level=step[order] + 1,
        step_filled=np.diff(filled, prepend=0.0).ravel()[order],
        step_value=np.diff(value, prepend=0.0).ravel()[order],
        step_slope=slope[order],
    )


def test_groups_share_one_frontier() -> None:
    """Curves joined from two groups choose as one table of all items does: the dearest steps are left out."""
    parts = [curves(1, 4), curves(2, 3)]
    joined = joined_curves(parts)
    plan = choose_levels(joined, budget_cents=9)
    assert plan.levels.shape == (7,)
    taken = plan.levels
    slopes_taken = [s for i, level, s in steps(joined) if level <= taken[i]]
    slopes_left = [s for i, level, s in steps(joined) if level > taken[i]]
    assert min(slopes_taken) >= max(slopes_left)
    assert joined_curves(parts[:1]) is parts[0]


def steps(table: LevelCurves) -> list[tuple[int, int, float]]:
    """Item, level and slope of each step."""
    return list(zip(table.step_item.tolist(), table.step_level.tolist(), table.step_slope.tolist(), strict=True))


def test_new_policies_are_refused_where_a_planner_orders(starter: Business) -> None:
    """They would never be looked at; the line names the key, the rule and the value."""
    planned = replace(starter, settings=replace(starter.settings, reorder="optimizer"))
    with pytest.raises(InvalidInputError, match=r"purchasing\.reorder must be policies .*got 'optimizer'"):
        propose_by_cost(planned, seed=1)
