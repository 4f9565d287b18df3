"""The sourcing checker names every rule a choice breaks, and counts cents and shipments as a pencil does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.sourcing import broken_rules, choice_cost_cents
from sourcing_enumeration import can_be_taken_in_turn, columns, copied, least_cost, random_case

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import NO_SITE, Batch, Choice, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.order_choice import choose_orders
from omsim.optimize.sourcing.check import check_sourcing


def shop(**changes):
    """Three orders, three SKUs, three sites; class 0 serves in part, class 1 whole lines, class 2 whole orders."""
    batch = Batch(*columns([0, 2, 3, 5], [0, 1, 0, 1, 2], [2, 1, 2, 1, 1], [0, 0, 1], [0, 1, 2]))
    classes = Classes(
        np.array([[True, True, True], [True, True, False], [True, True, True]]),
        np.array([2, 1, 2]),
        np.array([True, False, True]),
        np.array([False, False, True]),
        nothing_kept(3),
    )
    lanes = Lanes(
        np.array([[0, 1, 2], [2, 1, NO_SITE]]),
        np.array([[500, 600, 700], [900, 650, 520]]),
        np.array([[10, 20, 30], [30, 20, 10]]),
        np.array([[100, 0, 0], [0, 0, 50]]),
    )
    stock = Stock(
        np.array([[0, 1, -1], [2, 3, 4], [5, 6, 7]], dtype=np.int32),
        np.array([3, 1, 3, 2, 1, 1, 1, 1]),
        np.array([2, 2, 1]),
        np.array([1500, 400, 100]),
    )
    fields = {"batch": batch, "classes": classes, "lanes": lanes, "stock": stock}
    return tuple((fields | changes).values())


LEGAL = ([0, 0, 1, 2, 3, 4], [0, 1, 1, 1, 2, 2], [1, 1, 1, 2, 1, 1])


def test_a_legal_choice_is_counted_to_the_cent():
    """Every part of the cost by hand: shipments, units with their weight, and one line left out."""
    check = check_sourcing(*shop(), Choice(*columns([0, 0, 1, 3, 4], [0, 1, 1, 2, 2], [1, 1, 1, 1, 1])), 2000)
    assert check.broken == ""
    assert check.shipment_cents == 500 + 600 + 520
    assert check.serving_cents == (10 + 150) + 20 + 20 + (10 + 20) + (10 + 5)
    assert check.unserved_cents == 2 * 2000
    assert check.cost_cents == check.shipment_cents + check.serving_cents + check.unserved_cents
    assert (check.served_units, check.unserved_units, check.shipments) == (5, 2, 3)
    assert (check.split_orders, check.full_orders) == (1, 2)


def test_nothing_served_is_legal_and_costs_all_units():
    """The empty choice breaks no rule."""
    check = check_sourcing(*shop(), Choice(*columns([], [], [])), 2000)
    assert (check.broken, check.cost_cents, check.shipments) == ("", 7 * 2000, 0)


def changed(stock, **columns_):
    """The stock with other columns."""
    return stock._replace(**{name: np.array(values) for name, values in columns_.items()})


BROKEN = {
    "no such line": (([9], [0], [1]), {}, "piece 0 is of line 9, which does not exist"),
    "no such site": (([0], [3], [1]), {}, "line 0 names site 3, which does not exist"),
    "empty piece": (([0], [0], [0]), {}, "line 0 has a piece of 0 units"),
    "not sorted": (([1, 0], [1, 1], [1, 1]), {}, "line 0 comes behind a later line"),
    "site twice": (([0, 0], [1, 1], [1, 1]), {}, "line 0 names site 1 twice"),
    "not ranked": (([3, 4], [0, 2], [1, 1]), {}, "line 3 is served from site 0, which does not serve its lane"),
    "not allowed": (([2], [2], [2]), {}, "line 2 is served from site 2, which its class may not draw on"),
    "not carried": (
        ([4], [0], [1]),
        {"lanes": shop()[2]._replace(ranking=np.array([[0, 1, 2], [0, 1, 2]]))},
        "line 4 is served from site 0, which does not carry its SKU",
    ),
    "no room": (
        ([0], [0], [1]),
        {"stock": changed(shop()[3], room=[0, 2, 1])},
        "line 0 is served from site 0, which has no room",
    ),
    "over-served": (([0, 0], [0, 1], [2, 1]), {}, "line 0 is served 3 units, asks for 2"),
    "line in part": (([2], [0], [1]), {}, "line 2 is served 1 of 2 units, but goes whole or not at all"),
    "order in part": (([3], [2], [1]), {}, "order 2 is served in part, but goes whole or not at all"),
    "too many sites": (
        LEGAL,
        {"classes": shop()[1]._replace(split_limit=np.array([1, 1, 2]))},
        "order 0 uses 2 sites, at most 1",
    ),
    "room overdrawn": (
        LEGAL,
        {"stock": changed(shop()[3], room=[2, 1, 1])},
        "site 1 sends 2 shipments, has room for 1",
    ),
    "oversold": (
        LEGAL,
        {"stock": changed(shop()[3], free_units=[3, 1, 2, 2, 1, 1, 1, 1])},
        "cell 2 gives 3 units, has 2",
    ),
    "line torn": (
        ([2, 2], [0, 1], [1, 1]),
        {"classes": shop()[1]._replace(split_limit=np.array([2, 2, 2]))},
        "line 2 comes from 2 sites, but goes whole",
    ),
    "kept units": (
        ([2], [0], [2]),
        {"classes": shop()[1]._replace(kept_units=np.array([[0] * 8, [2] + [0] * 7, [0] * 8]))},
        "cell 0 gives 2 units to class 1 and those that must leave as much, has 3 and 2 to be left",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_every_broken_rule_is_named(case):
    """One corruption, one sentence that says what and where; nothing is charged."""
    pieces, changes, sentence = BROKEN[case]
    check = check_sourcing(*shop(**changes), Choice(*columns(*pieces)), 2000)
    assert check.broken == sentence
    assert check.cost_cents == 0


def test_the_case_all_corruptions_start_from_is_legal():
    """Otherwise the mutations above would prove nothing."""
    assert check_sourcing(*shop(), Choice(*columns(*LEGAL)), 2000).broken == ""


def test_columns_of_fractions_are_refused():
    """Units are whole."""
    with pytest.raises(FieldError, match=r"choice\.units must be 1 whole numbers, got 'float64"):
        check_sourcing(*shop(), Choice(*columns([0], [0]), np.array([1.0])), 2000)


def test_what_must_be_left_is_taken_by_others_in_any_sequence():
    """Class 1 leaves two of three units: one for it and two for class 0 are legal, two for it are not."""
    batch = Batch(*columns([0, 1, 2], [0, 0], [2, 1], [0, 0], [0, 1]))
    classes = Classes(
        np.ones((2, 1), dtype=bool),
        np.array([1, 1]),
        np.ones(2, dtype=bool),
        np.zeros(2, dtype=bool),
        np.array([[0], [2]]),
    )
    lanes = Lanes(*columns([[0]], [[500]], [[0]], [[0]]))
    stock = Stock(np.array([[0]], dtype=np.int32), np.array([3]), np.array([9]), np.array([100]))
    pieces = Choice(*columns([0, 1], [0, 0], [2, 1]))
    assert check_sourcing(batch, classes, lanes, stock, pieces, 100).broken == ""
    swapped = batch._replace(order_class=np.array([1, 0]))
    assert "to class 1" in check_sourcing(swapped, classes, lanes, stock, pieces, 100).broken


@settings(max_examples=150)
@given(seed=st.integers(0, 10**6), flips=st.integers(0, 3))
def test_legal_means_what_a_pencil_says(seed, flips):
    """Optimal choices with a few numbers spoilt: broken exactly where the slow rules are, at the slow rules' cost."""
    case = random_case(seed, n_orders=3)
    batch, classes, lanes, stock = case
    choice = least_cost(*case, 900)[1]
    rng = np.random.default_rng(seed)
    line, site, units = (column.copy() for column in choice)
    for _ in range(flips if line.size else 0):
        at = rng.integers(0, line.size)
        column = (site, units)[rng.integers(0, 2)]
        column[at] = rng.integers(0, stock.room.size) if column is site else rng.integers(1, 4)
    spoilt = Choice(line, site, units)
    nothing = classes._replace(kept_units=nothing_kept(2))
    legal = not broken_rules(batch, nothing, lanes, stock, spoilt) and can_be_taken_in_turn(
        batch, classes, stock, spoilt
    )
    check = check_sourcing(*case, spoilt, 900)
    assert (check.broken == "") == legal
    if legal:
        assert check.cost_cents == choice_cost_cents(batch, lanes, stock, spoilt, 900)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_whatever_is_taken_in_turn_is_legal(seed):
    """The exact choice in sequence keeps units as it goes; the sequence-free check agrees."""
    batch, classes, lanes, stock = random_case(seed, n_orders=12, n_skus=4, n_lines=4)
    before = copied(stock)
    choice = choose_orders(batch, classes, lanes, stock, 900, np.zeros(stock.free_units.size, dtype=np.int64))
    assert check_sourcing(batch, classes, lanes, before, choice, 900).broken == ""
