"""What shipments cost at a tender: cartons, surcharges, limits, and what one slot more would save."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import random_business, with_changes

from omsim.kernels.packing.cartons import OWN_PACKAGING, pack_parcels
from omsim.kernels.rating.explain import explain_price
from omsim.sim.decisions import decide_tender, price_tender
from omsim.sim.parcels import DockParcels, pack_shipments, put_together, rated_parcels
from omsim.sim.plan import Plan, compile_plan
from omsim.sim.tariff import NOT_CARRIED

CARTONS = """
    carton, length_mm, width_mm, height_mm, tare_g, max_weight_g, cost_cents
    flat,   310,       210,      50,        50,     3000,         15
    box,    410,       300,      210,       200,    20000,        40
"""


def dock_of(plan: Plan, contents: list[dict[int, int]], region: int = 0, promise_day: int = -1) -> DockParcels:
    """Shipments holding so many units of SKUs."""
    goods, packaging = plan.goods, plan.packaging
    pairs = [list(held.items()) for held in contents]

    def column(values: list[int]) -> np.ndarray:
        return np.array(values, dtype=np.int64)

    return DockParcels(
        region=column([region] * len(pairs)),
        promise_day=column([promise_day] * len(pairs)),
        weight_g=column([sum(int(goods.weight_g[sku]) * units for sku, units in held) for held in pairs]),
        volume_mm3=column([sum(int(goods.volume_mm3[sku]) * units for sku, units in held) for held in pairs]),
        longest_mm=column([max(int(packaging.items.length_mm[sku]) for sku, _ in held) for held in pairs]),
        girth_mm=column([max(int(packaging.girth_mm[sku]) for sku, _ in held) for held in pairs]),
        first_line=np.cumsum([0, *(len(held) for held in pairs)]),
        sku=column([sku for held in pairs for sku, _ in held]),
        units=column([units for held in pairs for _, units in held]),
    )


def drawn_dock(plan: Plan, seed: int, site: int, n: int = 30) -> DockParcels:
    """Shipments of one to three SKUs for regions the site serves."""
    rng = np.random.default_rng(seed)
    n_skus = plan.goods.weight_g.size
    contents = [
        {int(sku): int(rng.integers(1, 6)) for sku in rng.choice(n_skus, rng.integers(1, min(n_skus, 3) + 1), False)}
        for _ in range(n)
    ]
    served = np.flatnonzero(plan.tariff.zone[site] >= 0)
    return dock_of(plan, contents)._replace(region=rng.choice(served, n), promise_day=rng.integers(-1, 6, n))


@pytest.mark.parametrize("seed", range(15))
def test_prices_are_the_terms_told_to_people(seed: int):
    """Each price is the sum of the terms `explain_price` tells of each parcel the shipment makes."""
    business = random_business(seed, shipping=True)
    plan = compile_plan(business)
    site, day = seed % len(business["sites"]), seed % business.settings.horizon_days
    dock = drawn_dock(plan, seed, site)
    priced, _ = price_tender(plan, dock, site=site, day=day)
    boxes, _ = pack_shipments(plan.packaging, dock)
    zone = plan.tariff.zone[site, dock.region]
    by_carton, together = (rated_parcels(zone, day, parcels) for parcels in (boxes, put_together(boxes)))
    for shipment in range(dock.region.size):
        parcels = range(boxes.first_box[shipment], boxes.first_box[shipment + 1])
        for service in range(priced.price_cents.shape[1]):
            whole = plan.tariff.rated_whole[service]
            rated, of_it = (together, [shipment]) if whole else (by_carton, parcels)
            terms = [explain_price(plan.tariff.card, rated, parcel, service) for parcel in of_it]
            expected = sum(cents for told in terms for _, cents in told)
            if not all(terms) or plan.tariff.transit[service, zone[shipment], -1] <= 0:
                expected = NOT_CARRIED
            assert priced.price_cents[shipment, service] == expected


@pytest.mark.parametrize("seed", range(12))
def test_a_slots_price_is_what_one_slot_more_saves(seed: int):
    """Solved again with one slot more, a tender without kilograms or contracts costs less by the price told."""
    business = random_business(seed)
    plan = compile_plan(business)
    site, day = seed % len(business["sites"]), int(np.argmax(plan.tariff.slots.sum(axis=(1, 2))))
    dock = drawn_dock(plan, seed, site, 90)
    told = decide_tender(plan, "optimum", dock, site=site, day=day)
    assert told.objective_cents == told.bound_cents
    for service in np.flatnonzero(plan.tariff.slots[day, site] > 0):
        slots = plan.tariff.slots.copy()
        slots[day, site, service] += 1
        more = plan._replace(tariff=plan.tariff._replace(slots=slots))
        saved = told.objective_cents - decide_tender(more, "optimum", dock, site=site, day=day).objective_cents
        assert told.slot_price_cents[service] == saved


def test_a_slot_price_by_hand():
    """Two parcels at risk and one express slot: one more would spare the second 400 x 0.2 of lateness and slowness."""
    plan = compile_plan(small_business({"costs.late_penalty_cents": 400}, services={"daily_slots": ["60", "1"]}))
    dock = dock_of(plan, [{0: 1}, {0: 1}], promise_day=1)
    told = decide_tender(plan, "optimum", dock, site=0, day=0)
    # express: 896; standard: 330 + 80 for a share of 0.2 late + 100,000 for being below the quantile of 0.9
    assert told.objective_cents == 896 + 330 + 80 + 100_000
    assert told.slot_price_cents.tolist() == [0, 330 + 80 + 100_000 - 896]


def test_cartons_of_a_shipment_by_hand():
    """A towel goes flat; eight lamps (400 x 200 x 200) go one to a box; a mug beside a towel needs the box."""
    plan = compile_plan(small_business(cartons=CARTONS))
    dock = dock_of(plan, [{1: 1}, {2: 8}, {0: 1, 1: 1}])
    decision = decide_tender(plan, "optimum", dock, site=0, day=0)
    packed = decision.packed
    assert packed is not None
    assert packed.carton.tolist() == [0, 1, 1]
    assert packed.cartons.tolist() == [1, 8, 1]
    assert packed.own_packages.tolist() == [0, 0, 0]
    assert packed.packaging_cents.tolist() == [15, 320, 40]
    assert packed.tare_g.tolist() == [50, 1600, 200]
    assert packed.carton_mm3.tolist() == [310 * 210 * 50, 8 * 410 * 300 * 210, 410 * 300 * 210]
    assert packed.filled_mm3.tolist() == [2_400_000, 8 * 16_000_000, 2_400_000 + 810_000]
    # outside 316 x 216 x 56 mm: 765 g by volume; 416 x 306 x 216: 5,500 g, a started kilogram above 5,000 at 50 cents
    box_cents = 450 + 50 + 50
    assert decision.price_cents.tolist() == [330, 8 * box_cents, box_cents]


def test_a_service_rated_by_shipment_charges_all_cartons_together():
    """Eight lamp boxes at 5,500 g by volume: carton by carton the started kilogram eight times, together 39 of them."""
    by_carton = compile_plan(small_business(cartons=CARTONS))
    together = compile_plan(small_business(cartons=CARTONS, services={"rated_by": ["shipment", "carton"]}))
    dock = dock_of(by_carton, [{2: 8}, {1: 1}])
    prices = [price_tender(plan, dock, site=0, day=0)[0].price_cents for plan in (by_carton, together)]
    # 8 x 416 x 306 x 216 mm / 5,000 cm3 a kilogram = 43,994 g: 39 started kilograms above 5,000 g; fuel 10 %
    assert prices[0].tolist() == [[8 * 550, 8 * 1030], [330, 896]]
    assert prices[1].tolist() == [[(450 + 39 * 50) * 11 // 10, 8 * 1030], [330, 896]]


def test_what_no_carton_takes_travels_as_it_is():
    """Lamps fit in no flat carton: each is a parcel of its own, counted, with no packaging to pay."""
    cartons = "\n".join(CARTONS.strip().splitlines()[:2])
    plan = compile_plan(small_business(cartons=cartons))
    packed = decide_tender(plan, "optimum", dock_of(plan, [{2: 2, 1: 1}, {2: 1}]), site=0, day=0).packed
    assert packed is not None
    assert packed.cartons.tolist() == [3, 1]
    assert packed.own_packages.tolist() == [2, 1]
    assert packed.carton.tolist() == [0, OWN_PACKAGING]
    assert packed.packaging_cents.tolist() == [15, 0]
    assert packed.filled_mm3.tolist() == [2_400_000, 0]


@pytest.mark.parametrize("seed", range(6))
def test_contents_pack_alike_in_any_order(seed: int):
    """Lines handed in backwards, one SKU on two lines: the same cartons at the same price."""
    plan = compile_plan(small_business(cartons=CARTONS))
    dock = drawn_dock(plan, seed, 0)
    one = pack_shipments(plan.packaging, dock)
    of_line = np.repeat(np.arange(dock.region.size), np.diff(dock.first_line))
    again = np.flatnonzero(dock.units > 1)  # of those, one unit goes on a line of its own
    units = np.append(dock.units - np.isin(np.arange(of_line.size), again), np.ones(again.size, dtype=np.int64))
    lines = np.append(of_line, of_line[again])
    sku = np.append(dock.sku, dock.sku[again])
    back = np.argsort(lines[::-1], kind="stable")
    first = np.searchsorted(np.sort(lines), np.arange(dock.region.size + 1))
    other = pack_shipments(
        plan.packaging, dock._replace(first_line=first, sku=sku[::-1][back], units=units[::-1][back])
    )
    assert one[1] is not None
    assert other[1] is not None
    for mine, theirs in zip((*one[0], *one[1]), (*other[0], *other[1]), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_sums_over_cartons_are_the_packers():
    """Tare, cost and parcels of each shipment are those of its cartons, one by one."""
    plan = compile_plan(small_business(cartons=CARTONS))
    dock = drawn_dock(plan, 5, 0, 60)
    boxes, packed = pack_shipments(plan.packaging, dock)
    assert packed is not None
    cartons = plan.packaging.cartons
    for at in range(60):
        held = slice(int(dock.first_line[at]), int(dock.first_line[at + 1]))
        order = np.argsort(dock.sku[held], kind="stable")
        sku, units = dock.sku[held][order], dock.units[held][order]
        alone = pack_parcels(cartons, plan.packaging.items, [0, sku.size], sku, units)
        kinds = [kind for kind in alone.carton.tolist() if kind != OWN_PACKAGING]
        assert packed.cartons[at] == alone.carton.size
        assert packed.tare_g[at] == sum(int(cartons.tare_g[kind]) for kind in kinds)
        assert packed.packaging_cents[at] == sum(int(cartons.cost_cents[kind]) for kind in kinds)
        weight_g = boxes.weight_g[boxes.first_box[at] : boxes.first_box[at + 1]].sum()
        assert weight_g == dock.weight_g[at] + packed.tare_g[at]


def test_a_surcharge_holds_in_its_zone_and_on_its_days():
    """15 cents near on the second day alone, fuel of a tenth on it; 3 dm3 and more pay a quarter of the rate."""
    plan = compile_plan(
        small_business(
            surcharges="""
                service,  surcharge, zone, from_dm3, start,      end,        price_cents, price_share, fuelled
                standard, peak,      near, 0,        2026-09-29, 2026-09-29, 15,          0,           true
                standard, bulky,     ,     2.4,      2000-01-01, 2199-12-31, 0,           0.25,        false
            """
        )
    )
    dock = dock_of(plan, [{0: 1}, {1: 1}])  # a mug of 0.81 dm3 and 400 g, a towel of 2.4 dm3 and 700 g
    told = [price_tender(plan, dock, site=0, day=day)[0].price_cents[:, 0].tolist() for day in range(3)]
    assert told == [[330, 405], [347, 422], [330, 405]]  # 300 + 10 %; + 75; (300 + 15) + 10 % = 346.5


def test_minimums_and_limits():
    """A least rate of 350; standard takes nothing longer than 390 mm or more than 700 mm around: towels and lamps."""
    terms = {"minimum_cents": ["350", "0"], "max_length_mm": ["390", "0"], "max_girth_mm": ["700", "0"]}
    plan = compile_plan(small_business(services=terms))
    dock = dock_of(plan, [{0: 1}, {1: 1}, {2: 1}])
    priced, _ = price_tender(plan, dock, site=0, day=0)
    # towel: 300 + 2 x (200 + 40) = 780 mm around; lamp: 400 mm long
    assert priced.price_cents.tolist() == [[385, 896], [NOT_CARRIED, 896], [NOT_CARRIED, 896]]
    told = decide_tender(plan, "optimum", dock, site=0, day=0)
    assert (told.service.tolist(), told.unoffered) == ([0, 1, 1], 0)
    saturday = decide_tender(plan, "optimum", dock, site=0, day=5)  # express does not come
    assert (saturday.service.tolist(), saturday.unoffered) == ([0, -1, -1], 2)


def test_kilograms_bind_before_slots():
    """Standard takes 1 kg: of three towels of 700 g one goes with it, the others express."""
    plan = compile_plan(small_business(services={"daily_kg": ["1", "1000000000"]}))
    dock = dock_of(plan, [{1: 1}] * 3)
    for rule in ("optimum", "cheapest"):
        told = decide_tender(plan, rule, dock, site=0, day=0)
        assert sorted(told.service.tolist()) == [0, 1, 1]
        assert told.cost_cents == 330 + 2 * 896
        assert told.bound_cents <= told.objective_cents


def test_who_is_heavier_than_every_pickup_is_counted():
    """Nobody takes 2.5 kg: the lamp stays and is told as carried by nobody, as if no rate were; the towel leaves."""
    plan = compile_plan(small_business(services={"daily_kg": ["2", "1"]}))
    told = decide_tender(plan, "optimum", dock_of(plan, [{2: 1}, {1: 1}]), site=0, day=0)
    assert told.service.tolist() == [-1, 0]
    assert told.unoffered == 1


def test_a_shipment_in_cartons_weighs_with_them():
    """A pickup of 1 kg takes one towel of 700 g bare, none in a carton of 400 g."""
    heavy = CARTONS.replace("50,     3000,", "400,    3000,")
    services = {"daily_kg": ["1", "1000000000"]}
    bare, boxed = (compile_plan(small_business(services=services, **more)) for more in ({}, {"cartons": heavy}))
    told = [decide_tender(plan, "optimum", dock_of(plan, [{1: 1}]), site=0, day=0).service.tolist()
            for plan in (bare, boxed)]  # fmt: skip
    assert told == [[0], [1]]


def test_pickups_of_a_site_and_holidays_of_a_carrier():
    """South has its own slots, and none from express; swift rests on Tuesday and delivers nothing on Wednesday."""
    plan = compile_plan(
        small_business(
            pickups="""
                site,  service,  daily_slots, pickup_days
                south, standard, 7,           Mon-Wed
                south, express,  0,           Mon-Sun
            """,
            carrier_holidays="carrier, date\nswift, 2026-09-29\nswift, 2026-09-30",
        )
    )
    week = plan.tariff.slots[:7].tolist()  # by day and site: standard (Mon-Sat), express (Mon-Fri)
    assert [day[0] for day in week] == [[60, 30], [0, 30], [0, 30], [60, 30], [60, 30], [60, 0], [0, 0]]
    assert [day[1] for day in week] == [[7, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0]]
    # picked up on Monday: the first delivery day after it is Thursday, not Tuesday or Wednesday
    assert plan.tariff.delivered_day[0, 0].tolist()[:3] == [0, 3, 4]
    assert plan.tariff.delivered_day[1, 0].tolist()[:3] == [0, 1, 2]
    cutoffs = list(zip(plan.times.cutoff_site.tolist(), (plan.times.cutoff_s // 86_400).tolist(), strict=True))
    assert [day for site, day in cutoffs if site == 1] == [0, 7, 8, 9]
    assert [day for site, day in cutoffs if site == 0] == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]


def test_a_window_changes_the_pickups_of_a_site():
    """From Tuesday to Thursday south's standard pickup takes half its 8 slots and 20 kg; north is as before."""
    business = small_business(pickups="site, service, daily_slots\nsouth, standard, 8")
    days = {"from": date(2026, 9, 29), "to": date(2026, 10, 1), "table": "pickups"}
    plan = compile_plan(
        with_changes(
            business,
            {**days, "column": "daily_slots", "operation": "scale", "value": 0.5},
            {**days, "column": "daily_kg", "operation": "set", "value": 20},
        )
    )
    assert plan.tariff.slots[:6, 1, 0].tolist() == [8, 4, 4, 4, 8, 8]
    assert plan.tariff.slots[:6, 0, 0].tolist() == [60] * 6
    assert (plan.tariff.room_g[:6, 1, 0] == 20_000).tolist() == [False, True, True, True, False, False]
    assert (plan.tariff.room_g[:, 0] > 10**11).all()
