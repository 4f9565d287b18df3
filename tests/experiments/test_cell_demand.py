"""Demand and waits of cells, against what the tables say by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from omsim.demand.waits import period_shares, review_days, wait_days
from omsim.experiments.cell_demand import daily_demand, nearest_share, simulated_units, weekday_variance
from omsim.model.business import Business, Table
from omsim.model.templates.making import make_metro, make_starter

if TYPE_CHECKING:
    from numpy.typing import NDArray


def changed(business: Business, table: str, **columns: Any) -> Business:
    """The business with some columns of a table replaced."""
    old = business[table]
    made = Table(name=table, columns={**old.columns, **columns})
    return replace(business, tables={**business.tables, table: made})


@pytest.fixture(scope="module")
def starter() -> Business:
    """One site, twelve SKUs."""
    return make_starter()


def test_one_site_sees_all_demand(starter: Business) -> None:
    """With one site its share of every SKU is 1."""
    assert nearest_share(starter).tolist() == pytest.approx([1.0] * len(starter["stock"]))


def test_regions_go_to_the_nearest_site_that_carries_the_sku(metro: Business) -> None:
    """Shares are those of a clerk who goes through regions and sites one by one."""
    stock = metro["stock"]
    carried = set(zip(stock.texts("site"), stock.texts("sku"), strict=True))
    regions = metro["regions"]
    weight = dict(zip(regions.texts("region"), regions.numbers("order_share").tolist(), strict=True))
    zones = metro["zones"]
    lanes = sorted(zip(zones.numbers("distance_km").tolist(), zones.texts("site"), zones.texts("region"), strict=True))
    expected: dict[tuple[str, str], float] = {}
    for sku in metro["skus"].texts("sku"):
        for region, share in weight.items():
            for _, site, served in lanes:
                if served == region and (site, sku) in carried:
                    expected[site, sku] = expected.get((site, sku), 0) + share / sum(weight.values())
                    break
    found = dict(zip(zip(stock.texts("site"), stock.texts("sku"), strict=True), nearest_share(metro), strict=True))
    assert {key: share for key, share in found.items() if share} == pytest.approx(expected)


def test_waits_follow_the_shape(starter: Business) -> None:
    """Fixed waits are fixed; random ones have the mean and the spread of the table."""
    n = len(starter["suppliers"])
    fixed = changed(
        changed(starter, "sites", receiving_time=np.full(len(starter["sites"]), -1, dtype=np.int64)),
        "suppliers",
        lead_time=("fixed",) * n,
        lead_time_days=np.full(n, 6.5),
        lead_time_cv=np.full(n, 0.5),
    )
    assert (unhurried(wait_days(fixed)) == 6.5).all()
    for shape in ("gamma", "lognormal"):
        wait = unhurried(wait_days(changed(fixed, "suppliers", lead_time=(shape,) * n)))
        assert wait.mean() == pytest.approx(6.5, rel=0.01)
        assert wait.std() / wait.mean() == pytest.approx(0.5, rel=0.03)


def unhurried(wait: NDArray[np.float64]) -> NDArray[np.float64]:
    """Waits of cells that have a supplier."""
    return wait[np.isfinite(wait).all(axis=1)]


def test_receipts_wait_for_the_receiving_time(starter: Business) -> None:
    """A receipt at 05:00 that is put away at 09:00 has waited four hours more; at 04:00, until the next day."""
    n = len(starter["suppliers"])
    fixed = changed(starter, "suppliers", lead_time=("fixed",) * n, lead_time_days=np.full(n, 3.0))
    fixed = replace(fixed, settings=replace(fixed.settings, review_time=300))
    for minute, days in ((540, 3 + 4 / 24), (240, 3 + 23 / 24), (300, 3.0), (-1, 3.0)):
        times = np.full(len(starter["sites"]), minute, dtype=np.int64)
        assert np.allclose(unhurried(wait_days(changed(fixed, "sites", receiving_time=times))), days)


def test_periods_before_use() -> None:
    """Three days and a morning are three days of demand; three days and a half are four."""
    shares = period_shares(np.array([[3.0, 3.2], [3.5, 0.0]]))
    assert shares.tolist() == [[0, 0, 0, 1, 0], [0.5, 0, 0, 0, 0.5]]


def test_chances_to_order_count_the_suppliers_days(starter: Business) -> None:
    """A supplier of one weekday makes a week between chances; one of Monday to Friday at most two days."""
    n = len(starter["suppliers"])
    for mask, days in ((0b1, 7), (0b11111, 2), (0b1111111, 1)):
        made = changed(starter, "suppliers", order_days=np.full(n, mask, dtype=np.int64))
        assert set(review_days(made).tolist()) == {days}


def test_whole_weeks_level_the_weekdays(starter: Business) -> None:
    """The weekdays' shape moves demand of days in a row, but not that of whole weeks."""
    of_days = weekday_variance(starter, np.array([1.0, 3.0, 7.0, 14.0]))
    assert (of_days[:2] > 0).all()
    assert of_days[2:].tolist() == [0.0, 0.0]


def test_history_is_counted_by_day(starter: Business) -> None:
    """Days without a row count as days without demand."""
    sku = starter["skus"].texts("sku")[0]
    history = Table(
        name="history",
        columns={
            "date": np.array([100, 103], dtype=np.int64),
            "site": ("", ""),
            "sku": (sku, sku),
            "units": np.array([6, 2], dtype=np.int64),
            "sold_out": np.zeros(2, dtype=np.bool_),
        },
    )
    made = replace(starter, tables={**starter.tables, "history": history})
    found = daily_demand(made, np.ones(len(made["stock"])), seed=1)
    cell = made["stock"].texts("sku").index(sku)
    assert found.mean_units[cell] == pytest.approx(2.0)
    assert found.variance_units[cell] == pytest.approx(6.0)
    assert "history" in found.source


def test_plenty_of_stock_shows_all_demand(starter: Business) -> None:
    """The units counted from unlimited stock are those the orders asked for, whole weeks of them."""
    from omsim.sim.engine import run_once

    units = simulated_units(starter, seed=11)
    weeks = starter.settings.horizon_days // 7
    first = run_once(starter, seed=11, replication=0)
    order = np.repeat(np.arange(len(first.orders.arrived_s)), np.diff(first.orders.first_line))
    asked = first.lines.units[~first.orders.rejected[order]].sum()
    assert units.shape[0] % 7 == 0
    assert units[: 7 * weeks].sum() == pytest.approx(asked, rel=0.05)  # but for those still at the desk or too late
    assert units[: 7 * weeks].sum() <= asked


def test_a_history_that_names_sites_is_asked_there() -> None:
    """Units of a SKU go to the cell of the site they were asked of, not to the nearest; others are shared as before."""
    metro = make_metro()
    site, sku = metro["stock"].texts("site"), metro["stock"].texts("sku")
    first = sku[0]
    days = np.arange(20) + metro.settings.start_date.toordinal() - 20
    known = {
        "date": np.concatenate((days, days)),
        "site": ("dortmund",) * 20 + ("",) * 20,
        "sku": (first,) * 20 + (sku[1],) * 20,
        "units": np.full(40, 6, dtype=np.int64),
        "sold_out": np.zeros(40, dtype=np.bool_),
    }
    history = Table(name="history", columns=known)
    told = daily_demand(replace(metro, tables={**metro.tables, "history": history}), np.ones(len(sku)), seed=1)
    means = {(a, b): mean for a, b, mean in zip(site, sku, told.mean_units.tolist(), strict=True)}
    assert {place: mean for (place, article), mean in means.items() if article == first} == {
        "leipzig": 0.0,
        "dortmund": 6.0,
        **{place: 0.0 for place, article in means if article == first and place == "berlin_store"},
    }
    shared = [mean for (_, article), mean in means.items() if article == sku[1]]
    assert sum(shared) == pytest.approx(6.0)
    assert max(shared) < 6.0


def test_a_planner_does_not_order_while_demand_is_learnt(starter: Business) -> None:
    """With stock no one can want in full, a model whose optimizer orders learns the same demand."""
    planned = replace(starter, settings=replace(starter.settings, reorder="optimizer"))
    np.testing.assert_array_equal(simulated_units(planned, seed=5), simulated_units(starter, seed=5))
