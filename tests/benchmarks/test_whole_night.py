"""A whole night from history to checked plan, at the size of a large retailer."""

from __future__ import annotations

import resource
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.model.business import Business, Table
from omsim.model.templates.making import make_starter
from omsim.optimize.reorder.cell_terms import read_terms
from omsim.optimize.reorder.check import check_purchases
from omsim.optimize.reorder.night import look_ahead, plan_tonight
from omsim.optimize.reorder.outlook import Position

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SKUS, N_SITES, N_SUPPLIERS, N_DAYS = 50_000, 2, 250, 300
TONIGHT = date(2026, 3, 3)


def test_a_night_of_100_000_skus_at_sites(measuring: Any, benchmark: Any) -> None:
    """Forecast, policies, prices and one checked plan under a budget: 250 suppliers deliver to 2 sites."""
    business, history, position = large_night()
    seen: dict[str, float] = {}

    def night() -> Any:
        terms = read_terms(business)
        outlook = look_ahead(terms, history, first_day=TONIGHT - timedelta(days=N_DAYS), seed=1)
        return plan_tonight(outlook, position(outlook), tonight=TONIGHT, seconds=60.0)

    done = benchmark.pedantic(night, rounds=1, iterations=1)
    check = check_purchases(done.problem, done.plan.units)
    assert not check.broken
    assert done.problem.lines.n_lines == N_SKUS * N_SITES
    assert done.plan.spent_cents <= done.problem.budget_cents
    assert done.plan.gap_share <= 0.005
    seen["gap_share"] = done.plan.gap_share
    seen["lines"] = float((done.plan.units > 0).sum())
    seen["budget_price"] = done.plan.budget_price
    seen["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    benchmark.extra_info.update(seen)


def large_night() -> tuple[Business, NDArray[np.int64], Any]:
    """A made business, its history by cell, and tonight's positions as a function of the outlook."""
    draw = np.random.default_rng(11)
    n_cells = N_SKUS * N_SITES
    rate = np.exp(draw.normal(-1.5, 1.6, n_cells))
    spread = draw.gamma(2.0, 0.5, (n_cells, 1))
    history = draw.poisson(np.minimum(rate[:, None] * spread, 400.0), (n_cells, N_DAYS)).astype(np.int64)

    starter = make_starter()
    sku = tuple(f"S{i:05d}" for i in range(N_SKUS))
    site = ("east", "west")
    supplier = tuple(f"V{i:03d}" for i in range(N_SUPPLIERS))
    by = draw.integers(0, N_SUPPLIERS, N_SKUS)
    cost = np.exp(draw.normal(6.5, 1.0, N_SKUS)).astype(np.int64) + 10
    trucks = draw.random(N_SUPPLIERS) < 0.2
    tables = {
        **starter.tables,
        "skus": _table(
            starter,
            "skus",
            N_SKUS,
            sku=sku,
            unit_cost_cents=cost,
            price_cents=cost * 2,
            weight_g=draw.integers(50, 4_000, N_SKUS),
            length_mm=draw.integers(50, 400, N_SKUS),
            width_mm=draw.integers(50, 300, N_SKUS),
            height_mm=draw.integers(20, 200, N_SKUS),
        ),
        "sites": _table(starter, "sites", N_SITES, site=site),
        "suppliers": _table(
            starter,
            "suppliers",
            N_SUPPLIERS,
            supplier=supplier,
            lead_time=("gamma",) * N_SUPPLIERS,
            lead_time_days=draw.integers(3, 30, N_SUPPLIERS).astype(np.float64),
            lead_time_cv=np.full(N_SUPPLIERS, 0.4),
            order_days=np.full(N_SUPPLIERS, 127, dtype=np.int64),
            order_cost_cents=np.full(N_SUPPLIERS, 2_500, dtype=np.int64),
            minimum_order_cents=np.where(draw.random(N_SUPPLIERS) < 0.5, 50_000, 0),
            truck_cost_cents=np.where(trucks, 30_000, 0),
            truck_dm3=np.where(trucks, 20_000, 0),
        ),
        "stock": _table(
            starter,
            "stock",
            n_cells,
            site=tuple(np.repeat(site, N_SKUS).tolist()),
            sku=sku * N_SITES,
            supplier=tuple(supplier[row] for row in np.tile(by, N_SITES).tolist()),
            pack_units=np.tile(draw.choice([1, 1, 2, 6, 12], N_SKUS), N_SITES),
        ),
    }
    settings = replace(starter.settings, budget_cents=60_000_000, start_date=TONIGHT)
    business = Business(settings=settings, tables=tables)

    def position(outlook: Any) -> Position:
        share = np.random.default_rng(12).random(n_cells) * 1.2
        units = np.floor(outlook.reorder_point + share * (outlook.order_up_to - outlook.reorder_point)).astype(np.int64)
        none = np.zeros(n_cells, dtype=np.int64)
        return Position(on_hand_units=np.maximum(units, 0), on_order_units=none, backordered_units=none)

    return business, history, position


def _table(like: Business, name: str, size: int, **columns: Any) -> Table:
    """A table of that size: given columns, others as in the first row of the model's."""
    made: dict[str, Any] = {}
    for column, values in like[name].columns.items():
        if column in columns:
            made[column] = columns[column]
        elif isinstance(values, tuple):
            made[column] = (values[0],) * size
        else:
            made[column] = np.full(size, values[0], dtype=values.dtype)
    return Table(name=name, columns=made)
