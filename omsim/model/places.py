"""Distances between sites and regions: as the model says, or over the globe between their places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from omsim.model.business import Business

EARTH_RADIUS_KM = 6371.0


def zone_distances_km(business: Business) -> NDArray[np.float64]:
    """Distance of each row of `zones`; great-circle where the table leaves it empty; shape (n_rows,)."""
    given = business["zones"].numbers("distance_km")
    site, region = business.codes("zones", "site"), business.codes("zones", "region")
    here = [np.radians(business["sites"].numbers(name)[site]) for name in ("latitude", "longitude")]
    there = [np.radians(business["regions"].numbers(name)[region]) for name in ("latitude", "longitude")]
    return np.where(np.isnan(given), great_circle_km(here[0], here[1], there[0], there[1]), given)


def great_circle_km(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    other_latitude: NDArray[np.float64],
    other_longitude: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Haversine distance between points given in radians; broadcasts.

    >>> berlin, munich = np.radians([52.52, 13.405]), np.radians([48.137, 11.575])
    >>> round(float(great_circle_km(*berlin, *munich)))
    504
    """
    half = (
        np.sin((other_latitude - latitude) / 2) ** 2
        + np.cos(latitude) * np.cos(other_latitude) * np.sin((other_longitude - longitude) / 2) ** 2
    )
    distance: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    return distance
