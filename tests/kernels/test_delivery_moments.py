"""When orders are complete and who makes contact, against a walk order by order."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.kernels.delivery_moments import NO_PATIENCE_LIMIT_S, completion_s, draw_contacts
from omsim.kernels.random import keyed_uniforms

N_ORDERS = 4
PARCELS = st.lists(st.tuples(st.integers(0, N_ORDERS - 1), st.integers(-1, 50)), max_size=15)


@settings(deadline=None)
@given(PARCELS, st.lists(st.booleans(), min_size=N_ORDERS, max_size=N_ORDERS))
def test_an_order_is_complete_with_its_last_parcel(parcels: list[tuple[int, int]], still_open: list[bool]):
    """Never while units are open or a parcel has no delivery; at 0 where nothing was to be sent."""
    order, delivered = (np.array([row[i] for row in parcels], dtype=np.int32) for i in range(2))
    told = completion_s(np.array(still_open), order, delivered)
    for number in range(N_ORDERS):
        own = [at for of, at in parcels if of == number]
        complete = not still_open[number] and min(own, default=0) >= 0
        assert told[number] == (max(own, default=0) if complete else -1)


def test_contacts_follow_their_uniforms():
    """Share, delay, handling and patience are read off the order's four uniforms; late ones are left out."""
    n, until_s = 400, 9000
    concerned = np.arange(0, 2 * n, 2)
    entity = np.arange(2 * n) * 7 + 1
    cause_s = np.arange(n) * 20
    for patience_s in (600.0, math.nan):
        out = np.empty((5, n), dtype=np.int64)
        count = draw_contacts(5, 99, 3, concerned, cause_s, entity, 0.6, 1800.0, 240.0, patience_s, until_s, out)
        expected = []
        for i, order in enumerate(concerned.tolist()):
            u_share, u_delay, u_handle, u_patience = keyed_uniforms(5, 99, int(entity[order]), 3)
            made_s = i * 20 + math.floor(-math.log1p(-u_delay) * 1800)
            if u_share >= 0.6 or made_s >= until_s:
                continue
            handle_s = max(1, math.floor(-math.log1p(-u_handle) * 240 + 0.5))
            limit_s = NO_PATIENCE_LIMIT_S
            if not math.isnan(patience_s):
                limit_s = math.floor(-math.log1p(-u_patience) * patience_s)
            expected.append((made_s, order, 3, handle_s, limit_s))
        assert list(map(tuple, out[:, :count].T.tolist())) == expected
        assert 0.4 * n < count < 0.65 * n
