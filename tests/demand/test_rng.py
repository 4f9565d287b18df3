"""Named streams: which draw belongs to what."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.demand.rng import Purpose, order_entity, stream_key, uniforms


@settings(deadline=None)
@given(
    st.integers(0, 2**62),
    st.integers(0, 10_000),
    st.sampled_from(Purpose),
    st.lists(st.integers(0, 2**62), min_size=1, max_size=9),
    st.integers(0, 4095),
)
def test_draws_are_numpys_philox(seed: int, replication: int, purpose: Purpose, entities: list[int], part: int):
    """Keyed by (seed, replication << 16 | purpose), counted by (entity, part): NumPy's generator says the same."""
    told = uniforms(seed, replication, purpose, np.array(entities), part)
    for row, entity in zip(told, entities, strict=True):
        counter = ((part << 64 | entity) - 1) % 2**256
        words = np.random.Philox(
            counter=np.array([counter >> 64 * i & (2**64 - 1) for i in range(4)], dtype=np.uint64),
            key=np.array([seed, replication << 16 | purpose], dtype=np.uint64),
        ).random_raw(4)
        assert row.tolist() == [((int(word) >> 12) + 0.5) / 2**52 for word in words]


def test_streams_have_keys_of_their_own():
    """No two (replication, purpose) share a stream."""
    keys = [stream_key(replication, purpose) for replication in range(300) for purpose in Purpose]
    assert len(set(keys)) == len(keys)


def test_purposes_keep_their_numbers():
    """Purposes are part of every result: renumbering one would change all runs."""
    assert {purpose.name: int(purpose) for purpose in Purpose} == {
        "DAY_ORDERS": 1,
        "ORDER": 2,
        "LINE": 3,
        "VALIDATION": 4,
        "SHIPMENT": 5,
        "FATE": 6,
        "RETURN": 7,
        "PURCHASE": 8,
        "SHRINKAGE": 9,
        "CONTACT": 10,
        "REPLAY": 11,
        "SOURCING": 12,
        "OUTLOOK": 13,
    }


def test_everything_a_draw_is_about_changes_it():
    """Seed, replication, purpose, entity and part each give other numbers."""
    drawn = [
        tuple(uniforms(seed, replication, purpose, np.array([entity]), part)[0].tolist())
        for seed, replication, purpose, entity, part in product(
            (0, 1), (0, 1), (Purpose.ORDER, Purpose.LINE), (0, 1), (0, 1)
        )
    ]
    assert len(set(drawn)) == 32


def test_parts_may_be_a_column():
    """One part for all, or one for each entity."""
    entities, parts = np.array([4, 4, 9]), np.array([0, 7, 7])
    column = uniforms(1, 2, Purpose.RETURN, entities, parts)
    for row, entity, part in zip(column, entities, parts, strict=True):
        assert row.tolist() == uniforms(1, 2, Purpose.RETURN, np.array([entity]), int(part))[0].tolist()
    assert uniforms(1, 2, Purpose.RETURN, np.zeros(0, dtype=np.int64)).shape == (0, 4)


def test_order_entities_are_unique():
    """Channels, days, base and extra orders never share a number, up to their stated limits."""
    edges = (0, 1, 2**28 - 1)
    drawn = [
        int(order_entity(channel, day, np.array([number]), extra=extra)[0])
        for channel, day, number, extra in product((0, 1, 900), (0, 1, 36_600), edges, (False, True))
    ]
    assert len(set(drawn)) == len(drawn)
    assert min(drawn) >= 0


@pytest.mark.parametrize("purpose", [Purpose.SHIPMENT, Purpose.FATE])
def test_neighbouring_replications_are_unrelated(purpose: Purpose):
    """The same entities in ten replications: no correlation beyond chance."""
    n = 20_000
    columns = np.stack([uniforms(3, k, purpose, np.arange(n))[:, 0] for k in range(10)])
    assert np.abs(np.corrcoef(columns) - np.eye(10)).max() < 4.5 / np.sqrt(n)
