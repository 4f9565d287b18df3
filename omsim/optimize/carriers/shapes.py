"""What carrier assignment is asked and what it answers: contracts, the state of their period, answers, checks.

Owns the shapes and the rules their fields keep by themselves; rules between a contract and a tender are checked where
both are known, in `contract_terms`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

HELD = -1
MOST_CENTS = 10**12
MILLION = 1_000_000
SHARE_MISS_CENTS = 50_000
"""Above any difference between carriers' prices, below what keeps parcels from services too slow for a promise."""

Method = Literal[
    "cheapest", "all_cheapest", "flow", "priced", "tier_search", "mip", "cheapest_with_room", "tiers_ignored"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What was agreed on volume with one carrier, for one period.

    Attributes
    ----------
    covers : bool, shape (n_services,)
        Services whose parcels count. Two contracts cover services apart, or one all that the other covers and more.
    minimum_parcels, shortfall_cents : int
        Parcels promised for the period, and what each one missing at its end costs.
    lowest_share_ppm, highest_share_ppm : int
        Bounds on the contract's parcels, in millionths of all parcels (of the period where one is given, otherwise of
        the tender), sent or held. The upper one is kept; the lower one as far as `share_miss_cents` a parcel pays.
    share_miss_cents : int
        What a parcel short of the lowest share counts in the decision. Nobody pays it.
    tier_kind : str
        ``all_units``: the tier reached discounts every parcel of the period; ``incremental``: those from its own bound
        on.
    from_parcels : tuple of int
        Parcels of the period from which a tier holds, rising, the first >= 1.
    share_ppm : tuple of int
        Discount of each tier in millionths of the price, rising; or none and `rebate_cents` instead.
    rebate_cents : tuple of int
        Discount of each tier per parcel, rising.
    reference_cents : int
        Price of a usual parcel, at which incremental shares are valued: the bill tells the parcels beyond a bound from
        the others by their number only.
    """

    covers: Mask
    minimum_parcels: int = 0
    shortfall_cents: int = 0
    lowest_share_ppm: int = 0
    highest_share_ppm: int = MILLION
    share_miss_cents: int = SHARE_MISS_CENTS
    tier_kind: Literal["all_units", "incremental"] = "all_units"
    from_parcels: tuple[int, ...] = ()
    share_ppm: tuple[int, ...] = ()
    rebate_cents: tuple[int, ...] = ()
    reference_cents: int = 0

    def __post_init__(self) -> None:
        covers = np.asarray(self.covers)
        if covers.ndim != 1 or covers.dtype != np.bool_:
            raise FieldError("covers", "true or false for each service", f"{covers.dtype}, shape {covers.shape}")
        object.__setattr__(self, "covers", covers)
        for name in ("minimum_parcels", "shortfall_cents", "share_miss_cents", "reference_cents"):
            _check_whole(name, getattr(self, name), MOST_CENTS)
        for name in ("lowest_share_ppm", "highest_share_ppm"):
            _check_whole(name, getattr(self, name), MILLION)
        if self.lowest_share_ppm > self.highest_share_ppm:
            rule = f"at most highest_share_ppm ({self.highest_share_ppm})"
            raise FieldError("lowest_share_ppm", rule, self.lowest_share_ppm)
        if self.tier_kind not in ("all_units", "incremental"):
            raise FieldError("tier_kind", "all_units or incremental", self.tier_kind)
        _check_rising("from_parcels", self.from_parcels, 1, MOST_CENTS)
        if self.share_ppm and self.rebate_cents:
            raise FieldError("rebate_cents", "empty where share_ppm is given", self.rebate_cents)
        name, most = ("rebate_cents", MOST_CENTS) if self.rebate_cents else ("share_ppm", MILLION)
        discounts = self.rebate_cents or self.share_ppm
        if len(discounts) != len(self.from_parcels):
            raise FieldError(name, f"one for each of the {len(self.from_parcels)} tiers", discounts)
        _check_rising(name, discounts, 0, most)
        if self.tier_kind == "incremental" and self.share_ppm and not self.reference_cents:
            raise FieldError("reference_cents", "above 0 where incremental tiers are shares", self.reference_cents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Parcels still expected in the period after this tender, in classes of alike ones, and the room for them.

    Attributes
    ----------
    parcels : int64, shape (n_classes,)
        How many of each class, >= 0.
    cost_cents, offered, hold_cents, billed_cents
        As of the tender, shapes (n_classes, n_services) and (n_classes,); billed_cents None = cost_cents.
    slots : int64, shape (n_services,)
        Of all later pickups of the period together.
    """

    parcels: ArrayLike
    cost_cents: ArrayLike
    offered: ArrayLike
    hold_cents: ArrayLike
    slots: ArrayLike
    billed_cents: ArrayLike | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Where the contracts' period stands at a tender.

    Attributes
    ----------
    given_parcels, given_cents : int64, shape (n_contracts,)
        Parcels each contract was given before, and their list prices together.
    given_in_all : int
        Parcels of the period before this tender, whoever took them.
    expected : Expected, optional
        What the rest of the period is expected to bring; None = this tender ends it.
    """

    given_parcels: ArrayLike
    given_cents: ArrayLike
    given_in_all: int
    expected: Expected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractOutcome:
    """What a plan for the rest of a period makes of its contracts; int64, shape (n_contracts,) unless said otherwise.

    Attributes
    ----------
    today_parcels, expected_parcels, period_parcels
        Parcels from this tender, planned from those expected, and in all with those given before.
    tier
        Tier reached, 0 = none, t = the t-th of the table.
    rebate_cents
        Discount on the whole period's parcels, rounded down to whole cents.
    shortfall_parcels, shortfall_cents
        Parcels missing to the minimum, and what they cost.
    share_short_parcels
        Parcels missing to the lowest share.
    minimum_price_cents, lowest_share_price_cents
        What asking one parcel less would save.
    highest_share_price_cents
        What one parcel more of room would save.
    tier_price_cents
        What would be saved if the tier reached began one parcel earlier.
    expected_plan : int64, shape (n_classes, n_services + 1)
        Parcels of each expected class by service, the last column held.

    Notes
    -----
    Prices are >= 0 and exact at the tiers reached: with other tiers more might be saved, never less. They are zeros
    where the answer is not the optimum at its tiers.
    """

    today_parcels: Units
    expected_parcels: Units
    period_parcels: Units
    tier: Units
    rebate_cents: Cents
    shortfall_parcels: Units
    shortfall_cents: Cents
    share_short_parcels: Units
    minimum_price_cents: Cents
    lowest_share_price_cents: Cents
    highest_share_price_cents: Cents
    tier_price_cents: Cents
    expected_plan: Units


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierAssignment:
    """What becomes of each parcel at a tender.

    Attributes
    ----------
    service : int64, shape (n_parcels,)
        Service of each parcel; -1 waits for the next pickup.
    cost_cents : int
        Price of all parcels sent and cost of all held; with contracts also of the parcels expected, less the period's
        rebates, plus shortfalls and `share_miss_cents`.
    bound_cents : int
        No assignment costs less.
    status : str
        ``optimal`` (proved on the data) or ``feasible``. With share discounts: optimal before rebates are rounded to
        cents.
    method : str
        ``cheapest`` (in parcel order, while there is room), ``all_cheapest`` (everybody's cheapest option fits),
        ``flow`` (min-cost flow), ``priced`` (prices on parcels and kilograms), ``tier_search`` (flows over tiers),
        ``mip`` (mixed-integer solver); or a fallback: ``cheapest_with_room``, ``tiers_ignored`` (classes in turn the
        cheapest with room, whatever the tiers).
    fallback : str
        Why the method asked for was not used; empty when it was, or was not needed.
    slot_price_cents : int64, shape (n_services,)
        What one more slot on each service would save: >= 0, exact where `status` is optimal (with contracts: at the
        tiers reached). Zeros where it is not known; with kilogram caps the multiplier of the bound.
    n_nowhere : int
        Parcels no service may carry; they wait, and are counted in `cost_cents` as waiting.
    kg_price_cents : float64, shape (n_services,)
        What one more kilogram on each pickup is worth in the bound; zeros without caps on kilograms.
    contracts : ContractOutcome, optional
        None without contracts.
    """

    service: Units
    cost_cents: int
    bound_cents: int
    status: Literal["optimal", "feasible"]
    method: Method
    fallback: str
    slot_price_cents: Cents
    n_nowhere: int = 0
    kg_price_cents: Floats = field(default_factory=lambda: np.zeros(0))
    contracts: ContractOutcome | None = None

    @property
    def gap_share(self) -> float:
        """(cost - bound) / |cost|, 0 where they are equal."""
        return (self.cost_cents - self.bound_cents) / max(1, abs(self.cost_cents))

    @property
    def n_held(self) -> int:
        """Parcels that wait."""
        return int((self.service == HELD).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierCheck:
    """What a check of an assignment found.

    Attributes
    ----------
    broken : str
        The rule that is broken, with the number of parcels or the service; empty when feasible.
    cost_cents : int
        Recomputed in exact integers; 0 when not feasible.
    optimal : bool
        Whether no exchange of parcels and slots lowers the cost; with contracts: at the tiers reached. False where
        kilogram caps bind, since no exchange proves anything there.
    slot_price_cents : int64, shape (n_services,)
        What one more slot on each service would save; zeros unless optimal.
    n_nowhere : int
        Parcels no service may carry; they wait.
    contracts : ContractOutcome, optional
        Recomputed from the parcels; None without contracts.
    """

    broken: str
    cost_cents: int
    optimal: bool
    slot_price_cents: Cents
    n_nowhere: int = 0
    contracts: ContractOutcome | None = None


def _check_whole(name: str, given: object, most: int) -> None:
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or not 0 <= given <= most:
        raise FieldError(name, f"a whole number from 0 to {most}", given)


def _check_rising(name: str, given: tuple[int, ...], least: int, most: int) -> None:
    for at, value in enumerate(given):
        _check_whole(f"{name}[{at}]", value, most)
        if value < least:
            raise FieldError(f"{name}[{at}]", f"at least {least}", value)
        if at and value <= given[at - 1]:
            raise FieldError(f"{name}[{at}]", f"above the tier before ({given[at - 1]})", value)
