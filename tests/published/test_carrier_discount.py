"""An all-units discount with a known optimum (Operations Research Stack Exchange, question 11021).

Lane A has 100 parcels, lane B 200. Carrier P charges 2 on A and 3 on B, carrier Q 3 on A and 2 on B. A carrier's whole
bill is multiplied by 0.8 below 120 parcels and by 0.6 from 120 on.
"""

import numpy as np

from omsim.optimize.carriers import Contract, assign_carriers, assign_with_contracts, bill_contract, check_carriers

LANES = np.repeat([[200, 300], [300, 200]], [100, 200], axis=0)
TENDER = (LANES, LANES > 0, np.array([300, 300]), np.full(300, 10**7))
TIERS = {"from_parcels": (1, 120), "share_ppm": (200_000, 400_000)}
CARRIERS = [Contract(covers=np.array(covers), **TIERS) for covers in ([True, False], [False, True])]


def test_optimum_is_372_with_all_of_lane_a_and_20_of_lane_b_to_p():
    """Found and proved."""
    best = assign_with_contracts(*TENDER, CARRIERS)
    assert (best.cost_cents, best.bound_cents, best.status) == (37_200, 37_200, "optimal")
    assert (best.service[:100] == 0).all()
    assert int((best.service[100:] == 0).sum()) == 20
    assert best.contracts.tier.tolist() == [2, 2]
    assert best.contracts.rebate_cents.tolist() == [10_400, 14_400]


def test_cheapest_lane_costs_400():
    """Each lane to its cheaper carrier, the discounts applied afterwards."""
    by_lane = assign_carriers(*TENDER)
    assert check_carriers(*TENDER, by_lane.service, contracts=CARRIERS).cost_cents == 40_000


def test_every_split_of_the_lanes_is_dearer():
    """All 101 x 201 ways to split the two lanes, billed one by one: 372 is the least, and only one way gives it."""
    of_a, of_b = np.meshgrid(np.arange(101), np.arange(201), indexing="ij")
    parcels, bill = of_a + of_b, 2 * of_a + 3 * of_b
    others, other_bill = 300 - parcels, 3 * (100 - of_a) + 2 * (200 - of_b)
    cost = np.where(parcels >= 120, 6, 8) * bill + np.where(others >= 120, 6, 8) * other_bill
    assert cost.min() == 3_720
    assert np.argwhere(cost == 3_720).tolist() == [[100, 20]]
    for a, b in ((100, 0), (100, 20), (0, 120), (50, 69)):
        p = bill_contract(CARRIERS[0], a + b, 200 * a + 300 * b, 300)
        q = bill_contract(CARRIERS[1], 300 - a - b, 300 * (100 - a) + 200 * (200 - b), 300)
        listed = 200 * a + 300 * b + 300 * (100 - a) + 200 * (200 - b)
        assert listed + p.counted_cents + q.counted_cents == 10 * cost[a, b]
