"""Lead times that overtake each other: the spread policies count with, against orders played day by day."""

from __future__ import annotations

import numpy as np
import pytest

from omsim.optimize.reorder.crossing import crossing_shares

GAMMA_LIKE = np.array([[0.0, 0.05, 0.1, 0.15, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.03, 0.02, 0.01]])
DAYS = np.arange(GAMMA_LIKE.shape[1])


def _moments(shares: np.ndarray) -> tuple[float, float]:
    mean = float((shares @ DAYS)[0])
    return mean, float((shares @ DAYS**2)[0]) - mean**2


def test_the_mean_stays_and_masses_add_up() -> None:
    """Overtaking changes how far the wait spreads, not how long it is."""
    for cycle in (1.0, 2.0, 5.0, 30.0):
        spread = crossing_shares(GAMMA_LIKE, np.array([cycle]))
        assert spread.sum() == pytest.approx(1.0)
        assert _moments(spread)[0] == pytest.approx(_moments(GAMMA_LIKE)[0])


def test_rare_orders_keep_the_spread_and_frequent_ones_lose_it() -> None:
    """With one order at a time there is nothing to overtake; the more often, the less spread."""
    spreads = [_moments(crossing_shares(GAMMA_LIKE, np.array([cycle])))[1] for cycle in (1.0, 3.0, 6.0, 40.0)]
    assert spreads == sorted(spreads)
    assert spreads[-1] == pytest.approx(_moments(GAMMA_LIKE)[1])


@pytest.mark.parametrize("cycle", [1, 2, 4])
def test_the_spread_is_that_of_orders_played_day_by_day(cycle: int) -> None:
    """Units outstanding of steady demand, one a day, when every order draws its own lead time."""
    draw = np.random.default_rng(cycle)
    n_orders = 60_000
    lead = draw.choice(DAYS, size=n_orders, p=GAMMA_LIKE[0])
    sent = np.arange(n_orders) * cycle
    horizon = int(sent[-1])
    outstanding = np.zeros(horizon + DAYS.size + 1)
    np.add.at(outstanding, sent, cycle)  # each order is for the demand of its cycle
    np.add.at(outstanding, sent + lead, -cycle)
    level = np.cumsum(outstanding)[DAYS.size * cycle : horizon // cycle * cycle].reshape(-1, cycle)
    _, variance = _moments(crossing_shares(GAMMA_LIKE, np.array([float(cycle)])))
    # whole days split a mass between two neighbours, which adds at most a quarter of a day squared
    assert variance == pytest.approx(min(level.var(axis=0).mean(), _moments(GAMMA_LIKE)[1]), rel=0.03, abs=0.27)


def test_a_fixed_lead_time_stays_fixed() -> None:
    """Nothing overtakes when nothing varies."""
    fixed = np.zeros((1, 8))
    fixed[0, 5] = 1.0
    assert crossing_shares(fixed, np.array([1.0])).tolist() == fixed.tolist()
