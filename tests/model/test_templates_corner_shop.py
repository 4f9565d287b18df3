"""models/corner_shop: the pencil work of its README follows from its tables."""

from __future__ import annotations

import numpy as np
import pytest

from omsim.model.files import read_business


@pytest.fixture(scope="module")
def shop(repo):
    """The shipped model."""
    return read_business(repo / "models" / "corner_shop")


def test_it_is_small(shop):
    """One site, three articles, two channels, eight orders."""
    assert {name: len(shop[name]) for name in ("sites", "skus", "channels")} == {"sites": 1, "skus": 3, "channels": 2}
    assert len(set(shop["orders"].texts("order"))) == 8


def test_nothing_in_it_is_random(shop):
    """Task times fixed, transits certain, lead time fixed, return shares 0 or 1, a lag without spread."""
    assert set(shop["sites"].texts("task_times")) == {"fixed"}
    assert set(shop["suppliers"].texts("lead_time")) == {"fixed"}
    assert set(shop["skus"].numbers("return_share").tolist()) == {0.0, 1.0}
    assert shop.settings.return_lag_sigma == 0
    pairs = list(zip(shop["transits"].texts("service"), shop["transits"].texts("zone"), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert len(set(shop["dispositions"].texts("disposition"))) == 1


def test_a_second_of_work_costs_a_cent(shop):
    """3,600 cents an hour."""
    assert shop["sites"].integers("labour_cents_per_hour").tolist() == [3600]


def test_units_and_lines_of_the_readme(shop):
    """25 units in 9 lines."""
    assert (int(shop["orders"].integers("units").sum()), len(shop["orders"])) == (25, 9)


def shipments():
    """Units by SKU (tea, mug, kettle) of each parcel the README tells of."""
    return np.array(
        [[2, 0, 0], [1, 1, 0], [0, 4, 0], [0, 1, 0], [0, 2, 0], [4, 0, 0], [0, 0, 1], [7, 0, 0]], dtype=np.int64
    )


def test_seconds_of_work_of_the_readme(shop):
    """1,095 s of picking and 1,170 s of packing over eight shipments."""
    site = {name: shop["sites"].numbers(name)[0] for name in ("pick_order_s", "pick_line_s", "pick_unit_s")}
    site |= {name: shop["sites"].numbers(name)[0] for name in ("pack_order_s", "pack_unit_s")}
    units, lines = shipments().sum(axis=1), (shipments() > 0).sum(axis=1)
    pick = site["pick_order_s"] + lines * site["pick_line_s"] + units * site["pick_unit_s"]
    pack = site["pack_order_s"] + units * site["pack_unit_s"]
    assert pick.tolist() == [120, 150, 150, 105, 120, 150, 105, 195]
    assert pack.tolist() == [120, 120, 180, 90, 120, 180, 90, 270]
    assert (pick.sum(), pack.sum()) == (1095, 1170)


def test_freight_of_the_readme(shop):
    """Eight parcels cost 3,000 cents by the rate card."""
    weights = shipments() @ shop["skus"].integers("weight_g")
    rates = shop["rates"]
    card = sorted(zip(rates.integers("up_to_g").tolist(), rates.integers("price_cents").tolist(), strict=True))
    prices = [next(price for up_to, price in card if weight <= up_to) for weight in weights.tolist()]
    assert prices == [300, 300, 500, 300, 400, 300, 500, 400]
    assert sum(prices) == 3000


def test_shelf_of_the_readme(shop):
    """Opening 28 + received 19 + restocked 1 = shipped 23 + closing 25, and no shelf is ever below zero."""
    opening = shop["stock"].integers("on_hand_units")
    received, restocked = np.array([14, 5, 0]), np.array([0, 0, 1])
    closing = opening + received + restocked - shipments().sum(axis=0)
    assert closing.tolist() == [20, 3, 2]
    assert (opening.sum(), shipments().sum()) == (28, 23)
