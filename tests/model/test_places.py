"""Distances between places."""

import numpy as np
import pytest
from model.small_models import small_business

from omsim.model.places import great_circle_km, zone_distances_km


def test_known_distance():
    """London to New York is 5,570 km, whichever way one looks."""
    london, new_york = np.radians([51.5074, -0.1278]), np.radians([40.7128, -74.006])
    assert great_circle_km(*london, *new_york) == pytest.approx(5570, abs=5)
    assert great_circle_km(*new_york, *london) == great_circle_km(*london, *new_york)


def test_empty_distances_come_from_the_places():
    """A row without a distance gets the one over the globe, the others keep theirs."""
    base = small_business()
    given = base["zones"].numbers("distance_km")
    left_out = ["" if row == 0 else str(km) for row, km in enumerate(given)]
    distances = zone_distances_km(small_business(zones={"distance_km": left_out}))
    np.testing.assert_array_equal(distances[1:], given[1:])
    site, region = base.codes("zones", "site")[0], base.codes("zones", "region")[0]
    here = [np.radians(base["sites"].numbers(name)[site]) for name in ("latitude", "longitude")]
    there = [np.radians(base["regions"].numbers(name)[region]) for name in ("latitude", "longitude")]
    assert distances[0] == pytest.approx(float(great_circle_km(*here, *there)))
