"""Prices of parcels: the bulk kernel against one parcel at a time, and told in terms."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import rating as oracle

from omsim.errors import FieldError
from omsim.kernels.rating.billable import MOST_G, billable_g, girth_mm
from omsim.kernels.rating.card import (
    EVER,
    MOST_CENTS,
    NOT_CARRIED,
    Parcels,
    Surcharges,
    no_surcharges,
    parcels_of,
    rate_card,
)
from omsim.kernels.rating.explain import REASONS, explain_price, refusals
from omsim.kernels.rating.prices import BLOCK, price_parcels

ONE_VAN = {  # one service, one zone: 500 cents up to 2 kg, 700 up to 5 kg, 30 for each kilogram more
    "dim_divisor_cm3_per_kg": [5000],
    "max_weight_g": [30_000],
    "fuel_ppm": [100_000],
    "over_kg_cents": [30],
    "rate_first": [0, 2],
    "up_to_g": [2000, 5000],
    "rate_cents": [500, 700],
}


def drawn_card(rng, plain=False):
    """A random card; plain = what the model's rates and services alone can say."""
    n_services, n_zones = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    n_breaks = rng.choice([0, 1, 2, 7, 90], n_services * n_zones, p=[0.1, 0.2, 0.2, 0.4, 0.1])
    first = np.concatenate([[0], np.cumsum(n_breaks)])
    breaks = [np.sort(rng.choice(np.arange(1, 40_000, int(rng.choice([1, 100]))), n, replace=False)) for n in n_breaks]
    k = int(rng.integers(0, 9))
    some = lambda values: rng.choice(values, k) * rng.integers(0, 2, k)  # noqa: E731
    surcharges = Surcharges(
        service=rng.integers(0, n_services, k),
        zone=rng.integers(-1, n_zones, k),
        from_g=some([5000, 20_000]),
        from_mm=some([400, 1200]),
        from_mm3=some([10**7, 10**8]),
        first_day=some([3, 10]),
        last_day=np.where(rng.random(k) < 0.5, 12, EVER),
        cents=some([1, 99, 450]),
        share_ppm=some([1, 50_000, 500_000, 1_500_000]),
        fuelled=rng.integers(0, 2, k),
    )
    more = {
        "max_length_mm": rng.choice([0, 600, 1200], n_services),
        "max_girth_mm": rng.choice([0, 2000], n_services),
        "minimum_cents": rng.choice([0, 450], n_services),
        "surcharges": surcharges,
    }
    return rate_card(
        dim_divisor_cm3_per_kg=rng.choice([0, 4000, 5000, 5021.714, 6000.5], n_services),
        max_weight_g=rng.choice([0, 2000, 31_500, 10**9], n_services),
        fuel_ppm=rng.choice([0, 1, 125_000, 205_000, 1_000_000], n_services),
        over_kg_cents=rng.choice([0, 45], n_services),
        rate_first=first,
        up_to_g=np.concatenate([[], *breaks]),
        rate_cents=rng.integers(0, 3000, first[-1]),
        **({} if plain else more),
    )


def drawn_parcels(rng, card, n_parcels):
    """Random parcels, many of them exactly at a break, a limit or the start of a surcharge."""
    n_zones = (card.rate_first.size - 1) // card.max_weight_g.size
    sides = rng.integers(1, 1500, (n_parcels, 3)) // rng.choice([1, 3, 10], (n_parcels, 1)) + 1
    sides.sort(axis=1)
    weight = rng.integers(0, 60_000, n_parcels)
    edges = np.concatenate([card.up_to_g, card.max_weight_g, card.surcharge_from_g, [0, 2_000]])
    at_edge = rng.random(n_parcels) < 0.4
    weight[at_edge] = np.minimum(np.maximum(rng.choice(edges, n_parcels) + rng.integers(-1, 2, n_parcels), 0), MOST_G)[
        at_edge
    ]
    volume = sides.prod(axis=1)
    exact = rng.random(n_parcels) < 0.2  # volumes that weigh exactly a break, or a hair more
    volume[exact] = (rng.choice(edges, n_parcels) * rng.choice([4000, 5000], n_parcels))[exact]
    volume += rng.integers(0, 2, n_parcels)
    return parcels_of(
        rng.integers(-1, n_zones + 1, n_parcels),
        weight,
        volume,
        np.where(rng.random(n_parcels) < 0.2, rng.choice([400, 600, 1200], n_parcels), sides[:, 2]),
        np.where(rng.random(n_parcels) < 0.2, 2000, girth_mm(*sides.T[::-1])),
        rng.integers(-2, 15, n_parcels),
    )


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_bulk_prices_are_those_of_one_parcel_at_a_time(seed):
    """Every rule at once, and every edge: equal to exact fractions."""
    rng = np.random.default_rng(seed)
    card = drawn_card(rng)
    parcels = drawn_parcels(rng, card, 60)
    assert price_parcels(card, parcels).tolist() == oracle.prices(card, parcels)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_a_plain_card_charges_rate_and_fuel(seed):
    """Without minimums, limits and surcharges: weight breaks and fuel, volumes divided as floating-point numbers."""
    rng = np.random.default_rng(seed)
    card = drawn_card(rng, plain=True)
    parcels = drawn_parcels(rng, card, 80)
    told = price_parcels(card, parcels)
    services = oracle.services_of(card)
    for p, zone in enumerate(parcels.zone.tolist()):
        for s, service in enumerate(services):
            terms = [service[name] for name in ("max_weight_g", "dim_divisor", "over_kg_cents", "fuel_ppm")]
            parcel = (int(parcels.weight_g[p]), int(parcels.volume_mm3[p]))
            expected = oracle.plain_price(service["rates"].get(zone, []), *parcel, *terms)
            assert told[p, s] == (NOT_CARRIED if expected is None else expected)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_terms_add_up_and_refusals_have_reasons(seed):
    """Whoever has a price has terms that add up to it; whoever has none has a reason and no terms."""
    rng = np.random.default_rng(seed)
    card = drawn_card(rng)
    parcels = drawn_parcels(rng, card, 12)
    told, refused = price_parcels(card, parcels), refusals(card, parcels)
    assert ((told == NOT_CARRIED) == (refused > 0)).all()
    for p, s in np.ndindex(told.shape):
        terms = explain_price(card, parcels, p, s)
        assert sum(cents for _, cents in terms) == (0 if refused[p, s] else told[p, s])
        assert bool(terms) == (refused[p, s] == 0)


def test_a_price_by_hand():
    """A parcel worth 3.2 kg by volume, in December, too long: 700 + 90 + 5 % of 700, and a tenth of 790 for fuel."""
    surcharges = no_surcharges()._replace(
        service=[0, 0, 0], zone=[-1, 0, -1], from_g=[0, 0, 4000], from_mm=[0, 600, 0], from_mm3=[0, 0, 0],
        first_day=[60, 0, 0], last_day=[90, EVER, EVER], cents=[0, 90, 1000], share_ppm=[50_000, 0, 0],
        fuelled=[0, 1, 1],
    )  # fmt: skip
    card = rate_card(**ONE_VAN, surcharges=surcharges)
    parcels = parcels_of(0, 2000, 16_000_000, 620, girth_mm(620, 300, 86), [59, 60])
    assert price_parcels(card, parcels).tolist() == [[869], [904]]
    assert explain_price(card, parcels, 1, 0, ["peak", "long", "heavy"]) == [
        ("rate up to 5,000 g, for 3,200 g by volume", 700),
        ("peak", 35),
        ("long", 90),
        ("fuel, 0.1 of 790", 79),
    ]


def test_minimum_and_weight_above_the_top_break_are_told():
    """The base of 560 for 6.001 kg (two started kilograms) is raised to 900 before fuel."""
    card = rate_card(**{**ONE_VAN, "rate_cents": [400, 500]}, minimum_cents=900)
    parcels = parcels_of(0, 6001, 0)
    terms = explain_price(card, parcels, 0, 0)
    assert [cents for _, cents in terms] == [500, 60, 340, 90]
    assert price_parcels(card, parcels).item() == 990


@pytest.mark.parametrize(
    ("parcel", "reason"),
    [
        ({"zone": -1}, "zone not served"),
        ({"zone": 7}, "zone not served"),
        ({"zone": 1}, "no rate in the zone"),
        ({"weight_g": 30_001}, "too heavy"),
        ({"longest_mm": 1201}, "too long"),
        ({"girth_mm": 3001}, "too big around"),
        ({"volume_mm3": 25_000_001}, "above top weight"),
        ({"volume_mm3": 25_000_000, "longest_mm": 1200, "girth_mm": 3000}, ""),
    ],
)
def test_every_refusal_has_its_own_reason(parcel, reason):
    """One hair beyond each limit."""
    card = rate_card(
        **{**ONE_VAN, "over_kg_cents": [0], "rate_first": [0, 2, 2]}, max_length_mm=1200, max_girth_mm=3000
    )
    parcels = parcels_of(**({"zone": 0, "weight_g": 100, "volume_mm3": 0} | parcel))
    assert REASONS[refusals(card, parcels).item()] == reason
    assert (price_parcels(card, parcels).item() == NOT_CARRIED) == bool(reason)


def test_billable_weight_of_ten_inches_cubed():
    """10 x 10 x 10 in at 139 in3/lb are 1000 / 139 = 7.2 lb, billed as 8 by a card of pounds; at 166 as 7."""
    pounds = [int(n * 453.59237) for n in range(1, 151)]
    for divisor_in3_per_lb, billed_lb in ((139, 8), (166, 7)):
        divisor = divisor_in3_per_lb * 16.387064 / 0.45359237
        card = rate_card(
            dim_divisor_cm3_per_kg=[divisor], max_weight_g=[10**9], fuel_ppm=[0], over_kg_cents=[0],
            rate_first=[0, 150], up_to_g=pounds, rate_cents=np.arange(1, 151),
        )  # fmt: skip
        assert price_parcels(card, parcels_of(0, 1000, 254**3)).item() == billed_lb


@given(st.integers(1, 100_000), st.integers(0, 10**6), st.integers(-1, 1))
def test_billable_weight_is_exact_for_whole_divisors(divisor, grams, hair):
    """Equal to whole-number division, at and beside every boundary."""
    volume_mm3 = max(divisor * grams + hair, 0)
    assert billable_g(0, volume_mm3, float(divisor)) == -(-volume_mm3 // divisor)


@pytest.mark.parametrize("breaks", [[1024, 2048, 4096, 65_536], [1, 2, 3, 1_000_000], [MOST_G - 1, MOST_G], [7]])
def test_each_break_ends_exactly_where_it_says(breaks):
    """Breaks that fall on the bounds of the look-up table, crowd in one corner of it, or are as heavy as can be."""
    card = rate_card(
        **{**ONE_VAN, "max_weight_g": [MOST_G], "dim_divisor_cm3_per_kg": [0], "over_kg_cents": [0], "fuel_ppm": [0]}
        | {"rate_first": [0, len(breaks)], "up_to_g": breaks, "rate_cents": np.arange(len(breaks))}
    )
    for number, up_to_g in enumerate(breaks):
        weights = [up_to_g] if up_to_g == MOST_G else [up_to_g, up_to_g + 1]
        above = number + 1 if number + 1 < len(breaks) else NOT_CARRIED
        assert price_parcels(card, parcels_of(0, weights, 0)).reshape(-1).tolist() == [number, above][: len(weights)]


def test_more_than_one_block_and_none_at_all():
    """Blocks join seamlessly; no parcels give no prices."""
    rng = np.random.default_rng(5)
    card = drawn_card(rng)
    parcels = drawn_parcels(rng, card, 2 * BLOCK + 7)
    whole = price_parcels(card, parcels)
    single = [price_parcels(card, Parcels(*(c[p : p + 1].copy() for c in parcels)))[0] for p in range(0, 2 * BLOCK, 97)]
    assert (whole[: 2 * BLOCK : 97] == np.array(single)).all()
    assert price_parcels(card, parcels_of([], [], [])).shape == (0, card.max_weight_g.size)


def test_absurd_parcels_do_not_overflow():
    """The dearest card and the largest parcel stay whole numbers of the right sign."""
    card = rate_card(
        **{**ONE_VAN, "dim_divisor_cm3_per_kg": [1e-300], "over_kg_cents": [MOST_CENTS], "fuel_ppm": [10**6]},
        surcharges=no_surcharges()._replace(
            service=[0], zone=[-1], from_g=[0], from_mm=[0], from_mm3=[0], first_day=[0], last_day=[EVER],
            cents=[0], share_ppm=[100_000_000], fuelled=[1],
        ),
    )  # fmt: skip
    parcels = parcels_of(0, 0, 2**63 - 1)
    told = price_parcels(card, parcels).item()
    assert told == MOST_CENTS * 101 + 10**13
    assert sum(cents for _, cents in explain_price(card, parcels, 0, 0)) == told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"up_to_g": [5000, 2000]},
            "up_to_g of service 0, zone 0 must be above the weight break before it (5000), got",
        ),
        (
            {"up_to_g": [2000, 2000]},
            "up_to_g of service 0, zone 0 must be above the weight break before it (2000), got",
        ),
        ({"up_to_g": [0, 2000]}, "up_to_g of rate 0 must be at least 1, got 0"),
        ({"rate_cents": [500, -1]}, "rate_cents of rate 1 must be at least 0, got -1"),
        ({"rate_cents": [500, 700.5]}, "rate_cents of rate 1 must be a whole number, got 700.5"),
        ({"rate_cents": [500]}, "rate_cents must be as many as up_to_g (2), got 1"),
        ({"dim_divisor_cm3_per_kg": [float("nan")]}, "dim_divisor_cm3_per_kg of service 0 must be a finite number"),
        ({"dim_divisor_cm3_per_kg": [float("inf")]}, "dim_divisor_cm3_per_kg of service 0 must be a finite number"),
        ({"dim_divisor_cm3_per_kg": [-1]}, "dim_divisor_cm3_per_kg of service 0 must be a finite number, at least 0"),
        ({"fuel_ppm": [1_000_001]}, "fuel_ppm of service 0 must be at most 1000000, got 1000001"),
        ({"max_weight_g": [1, 2]}, "max_weight_g must be one number a service (1), got 'shape (2,)'"),
        ({"max_weight_g": ["heavy"]}, "max_weight_g must be whole numbers, got ['heavy']"),
        ({"rate_first": [0, 1]}, "rate_first must be ascending from 0 to the number of rates (2), got [0, 1]"),
        ({"rate_first": [0]}, "rate_first must be services (1) x zones + 1 numbers, got '1 numbers'"),
        ({"minimum_cents": -5}, "minimum_cents must be at least 0, got -5"),
    ],
)
def test_a_wrong_card_is_refused(change, message):
    """One line names the field, where it stands, the rule and the value."""
    with pytest.raises(FieldError) as told:
        rate_card(**{**ONE_VAN, **change})
    assert str(told.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"service": [1]}, "surcharge service of row 0 must be at most 0, got 1"),
        ({"zone": [1]}, "surcharge zone of row 0 must be at most 0, got 1"),
        ({"cents": [-1]}, "surcharge cents of row 0 must be at least 0, got -1"),
        ({"share_ppm": [-1]}, "surcharge share_ppm of row 0 must be at least 0, got -1"),
        ({"first_day": [9], "last_day": [8]}, "surcharge last_day of row 0 must be no earlier than first_day, got 8"),
        ({"cents": [1, 2]}, "surcharge cents must be 1 numbers, got (2,)"),
    ],
)
def test_a_wrong_surcharge_is_refused(change, message):
    """Likewise."""
    good = {name: [0] for name in Surcharges._fields} | {"last_day": [EVER]}
    with pytest.raises(FieldError) as told:
        rate_card(**ONE_VAN, surcharges=Surcharges(**{**good, **change}))
    assert str(told.value) == message


def test_wrong_parcels_are_refused():
    """Negative weights, odd lengths, and names that do not fit the surcharges."""
    with pytest.raises(FieldError, match="weight_g of row 1 must be at least 0, got -4"):
        parcels_of(0, [3, -4], 0)
    with pytest.raises(FieldError, match="volume_mm3 must be a number or 3 numbers"):
        parcels_of([0, 0, 0], 1, [1, 2])
    with pytest.raises(FieldError, match="surcharge_names must be 0 names, got 1"):
        explain_price(rate_card(**ONE_VAN), parcels_of(0, 1, 1), 0, 0, ["peak"])


def test_the_same_source_runs_uncompiled():
    """Without the compiler the prices are the same: nothing relies on how machine numbers wrap."""
    program = (
        "import json, numpy as np\n"
        "from omsim.kernels.rating.card import *\n"
        "from omsim.kernels.rating.prices import price_parcels\n"
        f"card = rate_card(**{ONE_VAN!r}, minimum_cents=600)\n"
        "print(json.dumps(price_parcels(card, parcels_of(0, [1, 2001, 7000, 40000], [0, 1, 10**8, 0])).tolist()))\n"
    )
    plain = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    compiled = price_parcels(
        rate_card(**ONE_VAN, minimum_cents=600), parcels_of(0, [1, 2001, 7000, 40_000], [0, 1, 10**8, 0])
    )
    assert json.loads(plain.stdout) == compiled.tolist() == [[660], [770], [1265], [NOT_CARRIED]]
