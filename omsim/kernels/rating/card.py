"""Rate cards and parcels as arrays: what a price is made of, proved sane once so that no price has to ask again.

Owns the shape and the checks of cards and parcels, and the look-up tables that make weight breaks quick to find.
Pricing is `prices`' work, telling a price term by term is `explain`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.rating.billable import MOST_G

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NOT_CARRIED = -1
PPM = 1_000_000
EVER = 2**31 - 1
"""The last day of a surcharge that never ends."""

MOST_CENTS = 10**11
"""The largest amount on a card and of a base price: a billion of any currency."""

MOST_FUELLED_CENTS = 10**13
"""The largest amount fuel is charged on."""


MOST_SHARE_PPM = 100 * PPM
BUCKETS_PER_BREAK = 4
MOST_BUCKETS = 1024


class Surcharges(NamedTuple):
    """Surcharges of a card, one row each, in any order; int64, shape (n_surcharges,).

    A row applies to a parcel when all its conditions hold; every row that applies is charged.

    Attributes
    ----------
    service : int64
        Whose it is.
    zone : int64
        Only there; -1 = in any zone.
    from_g : int64
        Only at this actual weight or more.
    from_mm : int64
        Only when the longest side is this or more.
    from_mm3 : int64
        Only at this volume or more.
    first_day, last_day : int64
        Only on these days of the run, both included (peak fees); `EVER` = it does not end.
    cents : int64
        Fixed part.
    share_ppm : int64
        Part in millionths of the base price, rounded half up.
    fuelled : int64
        1 = the fuel surcharge is charged on it too; 0 = it is not.
    """

    service: Ints
    zone: Ints
    from_g: Ints
    from_mm: Ints
    from_mm3: Ints
    first_day: Ints
    last_day: Ints
    cents: Ints
    share_ppm: Ints
    fuelled: Ints


class RateCard(NamedTuple):
    """What every service charges, checked and ready; made by `rate_card`.

    Attributes
    ----------
    dim_divisor_cm3_per_kg : float64, shape (n_services,)
        Volume that weighs a kilogram; 0 = volume is free.
    max_weight_g : int64, shape (n_services,)
        Heaviest parcel, by actual weight.
    max_length_mm, max_girth_mm : int64, shape (n_services,)
        Longest side, and most length plus girth (`Parcels.girth_mm`); 0 = no limit.
    minimum_cents : int64, shape (n_services,)
        Least base price, before surcharges and fuel.
    fuel_ppm : int64, shape (n_services,)
    over_kg_cents : int64, shape (n_services,)
        Price of each started kilogram above the top weight break; 0 = not carried.
    rate_first : int64, shape (n_services * n_zones + 1,)
        Where the weight breaks of service x zone begin in `up_to_g` and `rate_cents`.
    up_to_g, rate_cents : int64, shape (n_rates,)
        Strictly ascending within a service and zone.
    surcharge_first : int64, shape (n_services + 1,)
        Where the rows of each service begin in the `surcharge_*` columns, which are those of `Surcharges`.
    bucket_first, bucket_shift : int64, shape (n_services * n_zones,)
        Billable weight g of row r is in bucket ``bucket_first[r] + (g >> bucket_shift[r])``.
    bucket : int32, shape (n_buckets,)
        Number, within its row, of the first break that is no less than the least weight of the bucket.
    """

    dim_divisor_cm3_per_kg: Floats
    max_weight_g: Ints
    max_length_mm: Ints
    max_girth_mm: Ints
    minimum_cents: Ints
    fuel_ppm: Ints
    over_kg_cents: Ints
    rate_first: Ints
    up_to_g: Ints
    rate_cents: Ints
    surcharge_first: Ints
    surcharge_zone: Ints
    surcharge_from_g: Ints
    surcharge_from_mm: Ints
    surcharge_from_mm3: Ints
    surcharge_first_day: Ints
    surcharge_last_day: Ints
    surcharge_cents: Ints
    surcharge_share_ppm: Ints
    surcharge_fuelled: Ints
    bucket_first: Ints
    bucket_shift: Ints
    bucket: NDArray[np.int32]


class Parcels(NamedTuple):
    """Parcels to be priced; int64, shape (n_parcels,); made by `parcels_of`.

    Attributes
    ----------
    zone : int64
        Tariff zone; -1 = not served.
    weight_g : int64
        Actual weight.
    volume_mm3 : int64
        Outer volume.
    longest_mm : int64
        Longest side.
    girth_mm : int64
        Length plus girth: longest side + 2 x (middle + shortest side).
    day : int64
        Day number of the run on which it is tendered.
    """

    zone: Ints
    weight_g: Ints
    volume_mm3: Ints
    longest_mm: Ints
    girth_mm: Ints
    day: Ints


def parcels_of(
    zone: ArrayLike,
    weight_g: ArrayLike,
    volume_mm3: ArrayLike,
    longest_mm: ArrayLike = 0,
    girth_mm: ArrayLike = 0,
    day: ArrayLike = 0,
) -> Parcels:
    """Parcels as the kernels take them; a single number holds for every parcel.

    Sides of 0 mean that they are not known: such a parcel meets no limit and no surcharge of length.

    Raises
    ------
    FieldError
        A number is out of range, or columns differ in length.
    """
    named = {
        "zone": (zone, -1, EVER),
        "weight_g": (weight_g, 0, MOST_G),
        "volume_mm3": (volume_mm3, 0, None),
        "longest_mm": (longest_mm, 0, EVER),
        "girth_mm": (girth_mm, 0, EVER),
        "day": (day, -EVER, EVER),
    }
    columns = {name: _whole(name, values, low, high) for name, (values, low, high) in named.items()}
    n_parcels = max((column.size for column in columns.values() if column.ndim), default=1)
    for name, column in columns.items():
        if column.ndim > 1 or (column.ndim == 1 and column.size != n_parcels):
            raise FieldError(name, f"a number or {n_parcels} numbers", f"shape {column.shape}")
    return Parcels(**{name: np.ascontiguousarray(np.broadcast_to(c, n_parcels)).copy() for name, c in columns.items()})


def no_surcharges() -> Surcharges:
    """A card's surcharges when it has none."""
    return Surcharges(*(np.zeros(0, dtype=np.int64) for _ in Surcharges._fields))


def rate_card(
    *,
    dim_divisor_cm3_per_kg: ArrayLike,
    max_weight_g: ArrayLike,
    fuel_ppm: ArrayLike,
    over_kg_cents: ArrayLike,
    rate_first: ArrayLike,
    up_to_g: ArrayLike,
    rate_cents: ArrayLike,
    max_length_mm: ArrayLike = 0,
    max_girth_mm: ArrayLike = 0,
    minimum_cents: ArrayLike = 0,
    surcharges: Surcharges | None = None,
) -> RateCard:
    """Check a card and make it ready for `prices.price_parcels`.

    Parameters
    ----------
    dim_divisor_cm3_per_kg, max_weight_g, fuel_ppm, over_kg_cents : array_like, shape (n_services,)
    rate_first, up_to_g, rate_cents : array_like
        As in `RateCard` (and in `sim.tariff.Tariff`).
    max_length_mm, max_girth_mm, minimum_cents : array_like, shape (n_services,) or ()
    surcharges : Surcharges, optional

    Raises
    ------
    FieldError
        Naming the field, with service and zone, the rule and the value.

    Notes
    -----
    At most `MOST_BUCKETS` look-up entries a row, shared by rows with the same weight breaks.
    """
    divisor = np.array(dim_divisor_cm3_per_kg, dtype=np.float64).reshape(-1)
    n_services = divisor.size
    sound = np.isfinite(divisor) & (divisor >= 0)
    _each("dim_divisor_cm3_per_kg", divisor, sound, "a finite number, at least 0 (volume is free)", "service")
    by_service = {
        "max_weight_g": (max_weight_g, 0, None),
        "max_length_mm": (max_length_mm, 0, None),
        "max_girth_mm": (max_girth_mm, 0, None),
        "minimum_cents": (minimum_cents, 0, MOST_CENTS),
        "fuel_ppm": (fuel_ppm, 0, PPM),
        "over_kg_cents": (over_kg_cents, 0, MOST_CENTS),
    }
    terms = {
        name: _of_services(name, values, n_services, low, high) for name, (values, low, high) in by_service.items()
    }
    first = _whole("rate_first", rate_first, 0, None)
    weights = _whole("up_to_g", up_to_g, 1, MOST_G, "rate")
    cents = _whole("rate_cents", rate_cents, 0, MOST_CENTS, "rate")
    n_zones = _check_rates(first, weights, cents, n_services)
    extra = _sorted_surcharges(no_surcharges() if surcharges is None else surcharges, n_services, n_zones)
    bucket_first, bucket_shift, bucket = _buckets(first, weights)
    service = extra.service
    return RateCard(
        dim_divisor_cm3_per_kg=divisor,
        **terms,
        rate_first=first,
        up_to_g=weights,
        rate_cents=cents,
        surcharge_first=np.searchsorted(service, np.arange(n_services + 1)).astype(np.int64),
        **{f"surcharge_{name}": column for name, column in extra._asdict().items() if name != "service"},
        bucket_first=bucket_first,
        bucket_shift=bucket_shift,
        bucket=bucket,
    )


def _whole(field: str, values: ArrayLike, low: int, high: int | None, each: str = "row") -> Ints:
    """A fresh int64 column within bounds."""
    given = np.array(values)
    if given.size == 0:
        given = given.astype(np.int64)
    if given.dtype.kind == "f":
        _each(field, given, np.isfinite(given) & (given == np.floor(given)), "a whole number", each)
    elif given.dtype.kind not in "iub":
        raise FieldError(field, "whole numbers", values)
    _each(field, given, given >= low, f"at least {low}", each)
    if high is not None:
        _each(field, given, given <= high, f"at most {high}", each)
    return given.astype(np.int64)


def _each(field: str, values: NDArray[np.generic], holds: NDArray[np.bool_], rule: str, each: str) -> None:
    """Raise for the first value that breaks a rule."""
    if not holds.all():
        at = int(np.flatnonzero(~holds.reshape(-1))[0])
        named = f"{field} of {each} {at}" if values.ndim else field
        raise FieldError(named, rule, values.reshape(-1)[at].item())


def _of_services(field: str, values: ArrayLike, n_services: int, low: int, high: int | None) -> Ints:
    column = _whole(field, values, low, high, "service")
    if column.ndim == 0:
        return np.full(n_services, column, dtype=np.int64)
    if column.shape != (n_services,):
        raise FieldError(field, f"one number a service ({n_services})", f"shape {column.shape}")
    return column


def _check_rates(first: Ints, up_to_g: Ints, rate_cents: Ints, n_services: int) -> int:
    """Check the ragged rows of weight breaks; the number of zones."""
    n_rows = first.size - 1
    if n_services == 0 or n_rows <= 0 or n_rows % n_services:
        raise FieldError("rate_first", f"services ({n_services}) x zones + 1 numbers", f"{first.size} numbers")
    n_zones = n_rows // n_services
    if first[0] != 0 or first[-1] != up_to_g.size or (np.diff(first) < 0).any():
        raise FieldError("rate_first", f"ascending from 0 to the number of rates ({up_to_g.size})", first.tolist())
    if up_to_g.size != rate_cents.size:
        raise FieldError("rate_cents", f"as many as up_to_g ({up_to_g.size})", rate_cents.size)
    begins = np.zeros(up_to_g.size + 1, dtype=np.bool_)
    begins[first] = True
    wrong = np.flatnonzero((np.diff(up_to_g) <= 0) & ~begins[1:-1]) + 1
    if wrong.size:
        at = int(wrong[0])
        row = int(np.searchsorted(first, at, side="right")) - 1
        service, zone = divmod(row, n_zones)
        rule = f"above the weight break before it ({up_to_g[at - 1]})"
        raise FieldError(f"up_to_g of service {service}, zone {zone}", rule, int(up_to_g[at]))
    return n_zones


def _sorted_surcharges(surcharges: Surcharges, n_services: int, n_zones: int) -> Surcharges:
    """Checked, by service and else in the order given."""
    bounds = {
        "service": (0, n_services - 1),
        "zone": (-1, n_zones - 1),
        "first_day": (-EVER, EVER),
        "last_day": (-EVER, EVER),
        "cents": (0, MOST_CENTS),
        "share_ppm": (0, MOST_SHARE_PPM),
        "fuelled": (0, 1),
    }
    columns = {}
    for name, values in surcharges._asdict().items():
        low, high = bounds.get(name, (0, None))
        columns[name] = _whole(f"surcharge {name}", values, low, high)
        if columns[name].shape != (np.size(surcharges.service),):
            raise FieldError(f"surcharge {name}", f"{np.size(surcharges.service)} numbers", columns[name].shape)
    _each("surcharge last_day", columns["last_day"], columns["last_day"] >= columns["first_day"],
          "no earlier than first_day", "row")  # fmt: skip
    order = np.argsort(columns["service"], kind="stable")
    return Surcharges(**{name: column[order] for name, column in columns.items()})


def _buckets(rate_first: Ints, up_to_g: Ints) -> tuple[Ints, Ints, NDArray[np.int32]]:
    """Look-up tables of the weight breaks: `RateCard.bucket_first`, `bucket_shift` and `bucket`."""
    n_rows = rate_first.size - 1
    bucket_first, bucket_shift = np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows, dtype=np.int64)
    known: dict[bytes, int] = {}
    tables: list[NDArray[np.int32]] = []
    n_buckets = 0
    for row in range(n_rows):
        breaks = up_to_g[rate_first[row] : rate_first[row + 1]]
        alike = known.setdefault(breaks.tobytes(), row)
        if alike == row and breaks.size:
            wanted = min(MOST_BUCKETS, max(64, BUCKETS_PER_BREAK * breaks.size))
            shift = max(int(breaks[-1]).bit_length() - wanted.bit_length() + 1, 0)
            least = np.arange((int(breaks[-1]) >> shift) + 2, dtype=np.int64) << shift
            tables.append(np.minimum(np.searchsorted(breaks, least), breaks.size - 1).astype(np.int32))
            bucket_first[row], bucket_shift[row] = n_buckets, shift
            n_buckets += tables[-1].size
        bucket_first[row], bucket_shift[row] = bucket_first[alike], bucket_shift[alike]
    return bucket_first, bucket_shift, np.concatenate(tables) if tables else np.zeros(0, dtype=np.int32)
