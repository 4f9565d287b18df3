"""Per-order moments against a walk over the order's own parcels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.kernels.delivery_moments import order_moments

N_ORDERS = 4
PARCEL = st.tuples(st.integers(0, N_ORDERS - 1), st.integers(0, 50), st.integers(1, 50), st.sampled_from("ofldd"))


@settings(deadline=None)
@given(st.lists(PARCEL, max_size=15))
def test_moments_are_those_of_the_orders_parcels(parcels: list[tuple[int, int, int, str]]):
    """Open, fine, lost and damaged parcels, in any order."""
    order = np.array([row[0] for row in parcels], dtype=np.int32)
    tendered = np.array([-1 if row[3] == "o" else row[1] for row in parcels], dtype=np.int32)
    delivered = np.array([row[1] + row[2] if row[3] in "fd" else -1 for row in parcels], dtype=np.int32)
    lost, damaged = (np.array([row[3] == letter for row in parcels], dtype=np.bool_) for letter in "ld")
    told = order_moments(N_ORDERS, order, tendered, delivered, lost, damaged)
    for number in range(N_ORDERS):
        own = [(at, at + days, fate) for of, at, days, fate in parcels if of == number]
        arrivals = [arrives for _, arrives, fate in own if fate in "fd"]
        assert [column[number] for column in told] == [
            min(arrivals, default=-1),
            max(arrivals, default=-1),
            sum(fate in "ol" for _, _, fate in own),
            min((left for left, _, fate in own if fate == "l"), default=-1),
            min((arrives for _, arrives, fate in own if fate == "d"), default=-1),
        ]
