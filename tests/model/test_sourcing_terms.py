"""What makes sense of fences, protected stock, substitutes, capacity, surcharges, pickups and contracts."""

from __future__ import annotations

import pytest
from model.small_models import small_business

from omsim.errors import InvalidInputError


def said_of(settings: dict[str, object] | None, tables: dict[str, object]) -> list[str]:
    """Everything wrong with the small business so changed."""
    with pytest.raises(InvalidInputError) as caught:
        small_business(settings, **tables)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


FENCE = "channel, site\nweb, north\nweb, south"
CONTRACT = "contract, party, minimum_parcels, shortfall_cents, lowest_share, highest_share\n"


def test_every_new_table_at_once_is_sound():
    """A business with all of them reads, and its numbers are what was written."""
    business = small_business(
        {"decisions.allocation_rule": "dual_prices", "decisions.shadow_rules": "nearest cheapest"},
        channel_sites=FENCE,
        protected_stock="channel, site, sku, units, order_up_to_share\nshop, south, , 0, 0.2\nweb, north, NA, 5, 0",
        site_ranks="region, site, rank\n, north, 1\ncoast, south, 1",
        cartons="carton, length_mm, width_mm, height_mm, cost_cents\nsmall, 300, 200, 150, 40\nbig, 600, 400, 400, 110",
        surcharges="service, surcharge, zone, from_g, price_cents, start, end\n"
        "express, heavy, far, 10000, 300, 2026-10-01, 2026-10-03",
        pickups="site, service, daily_slots, daily_kg, pickup_days\nsouth, standard, 10, 500, Mon-Wed",
        carrier_holidays="carrier, date\nswift, 2026-10-02",
        contracts=CONTRACT + "main, swift, 500, 120, 0.2, 0.9",
        contract_tiers="contract, from_parcels, discount_share\nmain, 600, 0.05\nmain, 900, 0.08",
    )
    assert business["pickups"].integers("pickup_days").tolist() == [0b111]
    assert business["surcharges"].numbers("price_share").tolist() == [0.0]
    assert business["contracts"].texts("tier_kind") == ("all_units",)
    assert business["sites"].integers("daily_shipments").tolist() == [1_000_000_000] * 2


@pytest.mark.parametrize(
    ("settings", "tables", "said"),
    [
        (
            {"decisions.release": "immediate", "decisions.allocation_rule": "cheapest"},
            {},
            "model.toml: decisions.allocation_rule needs decisions.release at_cycle, got 'cheapest'",
        ),
        (
            {"decisions.release": "immediate", "decisions.hold_minutes": 60},
            {},
            "model.toml: decisions.hold_minutes needs decisions.release at_cycle, got 60",
        ),
        (
            {"decisions.release": "immediate"},
            {"channels": {"ship_complete": ["true", "false"]}},
            "channels: row 1: ship_complete needs decisions.release at_cycle, got true",
        ),
        (
            {"decisions.release": "immediate"},
            {"sites": {"daily_shipments": ["1000000000", "50"]}},
            "sites: row 2: daily_shipments needs decisions.release at_cycle, got 50",
        ),
        (
            {"decisions.release": "immediate"},
            {"channel_sites": FENCE},
            "channel_sites: row 1: channel needs decisions.release at_cycle",
        ),
        (
            {"decisions.shadow_rules": "nearest cheapst"},
            {},
            "model.toml: decisions.shadow_rules must be allocation rules parted by blanks (nearest, fewest_splits, ranked, "  # noqa: E501
            "most_stock, fewest_shipments, cheapest, dual_prices, coupled_rounding, batch_optimum), got 'cheapst'; "
            'did you mean "cheapest"?',
        ),
        (
            {"decisions.shadow_rules": "nearest nearest"},
            {},
            "model.toml: decisions.shadow_rules must name each rule once, got 'nearest nearest'",
        ),
        (
            None,
            {
                "channel_sites": "channel, site\nweb, north",
                "zones": "site, region, zone, distance_km\nnorth, upland, near, 50\nsouth, coast, near, 60\n"
                "south, upland, far, 330",
            },
            "channel_sites: row 1: site must leave channel 'web' a site with a row in table zones for region 'coast'",
        ),
        (
            None,
            {"protected_stock": "channel, site, sku, units\nweb, south, 1e5, 2"},
            "protected_stock: row 1: sku must have a row of site 'south' in table stock, got '1e5'",
        ),
        (
            None,
            {
                "protected_stock": "channel, site, sku, units\nweb, south, NA, 2",
                "channel_sites": "channel, site\nweb, north",
            },
            "protected_stock: row 1: site must be a site that table channel_sites gives to channel 'web', got 'south'",
        ),
        (
            None,
            {"protected_stock": "channel, site\nweb, south"},
            "protected_stock: row 1: units must be > 0, or order_up_to_share must be, got 0",
        ),
        (
            None,
            {"skus": {"substitute": ["", "NA", ""]}},
            "skus: row 2: substitute must be another SKU, got 'NA'",
        ),
        (
            None,
            {"skus": {"substitute": ["", "012x", ""]}},
            "skus: row 2: substitute must be a sku of table skus, got '012x'; did you mean \"012\"?",
        ),
        (
            None,
            {"sites": {"daily_shipments": ["0"]}},
            "sites: row 1: daily_shipments must be above 0 at some site, got 0",
        ),
        (
            None,
            {"surcharges": "service, surcharge, zone, price_cents\nexpress, remote, fahr, 100"},
            "surcharges: row 1: zone must be a zone of service 'express' in table rates, or empty, got 'fahr'; "
            'did you mean "far"?',
        ),
        (
            None,
            {"surcharges": "service, surcharge, price_cents, start, end\nexpress, peak, 100, 2026-12-24, 2026-11-24"},
            "surcharges: row 1: end must not be before start (2026-12-24), got 2026-11-24",
        ),
        (
            None,
            {"surcharges": "service, surcharge\nexpress, nothing"},
            "surcharges: row 1: price_cents must be > 0, or price_share must be, got 0",
        ),
        (
            None,
            {"services": {"daily_slots": ["0"]}},
            "services: row 1: daily_slots must be above 0 for some service, here or in table pickups, got 0",
        ),
        (
            None,
            {"services": {"daily_kg": ["0"]}},
            "services: row 1: daily_kg must be above 0 for some service, here or in table pickups, got 0",
        ),
        (
            None,
            {
                "pickups": "site, service, daily_slots\n"
                "north, standard, 0\nnorth, express, 0\nsouth, standard, 0\nsouth, express, 0"
            },
            "pickups: row 1: daily_slots must be above 0 for some service, here or in table pickups, got 0",
        ),
        (
            None,
            {
                "services": {"pickup_days": ["Mon-Fri"]},
                "pickups": "site, service, pickup_days\n"
                "north, standard, Sun\nnorth, express, Sat\nsouth, standard, Sun\nsouth, express, Sun",
            },
            "pickups: row 1: pickup_days must share a day with those of table services for some service, here or in "
            "table pickups, got none in common",
        ),
        (
            None,
            {
                "services": {"daily_slots": ["0", "9"], "daily_kg": ["9", "0"]},
            },
            "services: row 1: daily_slots must be above 0 together with daily_kg and on a day for some service, here "
            "or in table pickups, got none together",
        ),
        (
            {"decisions.most_fill_share": 0},
            {},
            "model.toml: decisions.most_fill_share must be > 0 and at most 1, got 0",
        ),
        (
            None,
            {"services": {"max_length_mm": ["1200"]}},
            "zones: row 1: zone must be served by a service that takes any weight and size (over_kg_cents > 0, "
            "max_weight_g 1000000000 or empty, no max_length_mm, no max_girth_mm), got 'near'",
        ),
        (
            None,
            {"carrier_holidays": "carrier, date\nswuft, 2026-10-02"},
            "carrier_holidays: row 1: carrier must be a carrier of table services, got 'swuft'; did you mean \"swift\"?",  # noqa: E501
        ),
        (
            None,
            {"contracts": CONTRACT + "main, swuft, 0, 0, 0, 1"},
            "contracts: row 1: party must be a carrier or service of table services, got 'swuft'; did you mean \"swift\"?",  # noqa: E501
        ),
        (
            None,
            {"contracts": CONTRACT + "main, swift, 0, 0, 0.8, 0.5"},
            "contracts: row 1: lowest_share must be at most highest_share (0.5), got 0.8",
        ),
        (
            None,
            {"contracts": CONTRACT + "main, swift, 0, 50, 0, 1"},
            "contracts: row 1: shortfall_cents must be 0 while minimum_parcels is (nothing would follow from it), got 50",  # noqa: E501
        ),
        (
            None,
            {"contracts": CONTRACT + "main, swift, 0, 0, 0.7, 1\nother, express, 0, 0, 0.4, 1"},
            "contracts: row 1: lowest_share of all carriers must add up to at most 1, got 1.1",
        ),
        (
            None,
            {
                "contracts": CONTRACT + "main, swift, 0, 0, 0, 1",
                "contract_tiers": "contract, from_parcels, discount_share\nmain, 900, 0.05\nmain, 600, 0.05",
            },
            "contract_tiers: row 1: discount_share must be above the discount of fewer parcels in "
            "contract_tiers: row 2 (0.05), got 0.05",
        ),
    ],
)
def test_sense_of_sourcing_and_parcels(settings, tables, said):
    """Each is refused in one line that names row, field, rule and value."""
    assert said in said_of(settings, tables)
