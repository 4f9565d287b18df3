"""Manifests: what each carrier took over at each cutoff, parcel by parcel, with totals that tie to the ledger.

Owns the listing of a run's tendered parcels, its proof and its file. Numbers and labels are made by `labels`; prices
were decided at the tenders and are only told here.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from omsim.analysis.costs import channel_costs
from omsim.analysis.export import harmless_cell
from omsim.analysis.labels import EXAMPLE_PREFIX, SSCC_DIGITS, Label, sscc_numbers, zpl_label
from omsim.analysis.outcomes import derive_outcomes
from omsim.errors import AuditError
from omsim.kernels.outcome_columns import COST_NAMES, PER_CENT
from omsim.kernels.rating.check_digits import check_digits
from omsim.model.calendars import Calendar
from omsim.sim.audit import Identity
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from omsim.analysis.labels import Numbering
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

    Int = NDArray[np.integer]

COLUMNS = (
    "manifest",
    "row",
    "carrier",
    "site",
    "cutoff",
    "service",
    "shipment",
    "order",
    "carton",
    "sscc",
    "tracking",
    "parcels",
    "weight_g",
    "price_cents",
    "hash_total",
)
HALF = 10**9
"""Hash totals are added in halves of nine digits, so that no sum leaves 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Manifests:
    """What was handed over, in order of cutoff, site and carrier.

    Attributes
    ----------
    parcels : DataFrame, one row a parcel
        `manifest` (its number, from 1), `carrier`, `site`, `service` (categories), `shipment`, `order` (rows of the
        records), `carton`, `of_cartons` (1 of 1 in a model without cartons), `sscc` (whole number, below 10^18),
        `tracking` (text), `weight_g`, `price_cents` (of the whole shipment, with its first carton; 0 with the others).
    totals : DataFrame, one row a manifest
        `manifest`, `carrier`, `site`, `cutoff` (local time), `cutoff_s`, `parcels`, `shipments`, `weight_g`,
        `price_cents` and `hash_total`: the last 18 digits of the sum of all SSCCs, as text, which tells a lost,
        doubled or mistyped number.
    """

    parcels: pd.DataFrame
    totals: pd.DataFrame


def make_manifests(
    records: RunRecords,
    business: Business,
    *,
    numberings: Mapping[str, Numbering] | None = None,
    company_prefix: str = EXAMPLE_PREFIX,
    extension: int = 0,
) -> Manifests:
    """List a run's tendered parcels by carrier and cutoff.

    Parameters
    ----------
    records : RunRecords
    business : Business
    numberings : mapping of carrier to Numbering, optional
        How carriers number parcels; of one that is not named, the SSCC is the tracking number.
    company_prefix : str
        GS1 company prefix of the shipper.
    extension : int
        First digit of the SSCCs.

    Raises
    ------
    FieldError
        The prefix or a numbering has too few digits for the parcels of the run.

    Notes
    -----
    A parcel's serial is its number among the parcels of all shipments, in their order; in a model without cartons its
    row in `records.shipments`. One sort; about 100 bytes a parcel.
    """
    ships, services = records.shipments, business["services"]
    names = services.texts("carrier")
    carriers = list(dict.fromkeys(names))
    carrier_of = np.array([carriers.index(name) for name in names], dtype=np.int64)
    sent = np.flatnonzero(ships.tendered_s != NEVER)
    carrier = carrier_of[ships.service[sent]]
    order = np.lexsort((carrier, ships.site[sent], ships.tendered_s[sent]))  # stable: shipments stay in order
    cartons = _cartons(records)
    sent, of_cartons = sent[order], cartons[sent[order]]
    starts = np.cumsum(of_cartons) - of_cartons
    sent, carrier = np.repeat(sent, of_cartons), np.repeat(carrier[order], of_cartons)
    carton = np.arange(1, sent.size + 1) - np.repeat(starts, of_cartons)
    of_cartons = np.repeat(of_cartons, of_cartons)
    site, at_s = ships.site[sent].astype(np.int64), ships.tendered_s[sent].astype(np.int64)
    begins = np.ones(sent.size, dtype=np.bool_)
    begins[1:] = (np.diff(at_s) != 0) | (np.diff(site) != 0) | (np.diff(carrier) != 0)
    first = np.flatnonzero(begins)
    serial = (np.cumsum(cartons) - cartons)[sent] + carton - 1
    sscc = sscc_numbers(extension, company_prefix, serial)
    parcels = pd.DataFrame(
        {
            "manifest": np.cumsum(begins),
            "carrier": _named(carrier, carriers),
            "site": _named(site, business["sites"].texts("site")),
            "service": _named(ships.service[sent], services.texts("service")),
            "shipment": sent,
            "order": ships.order[sent].astype(np.int64),
            "carton": carton,
            "of_cartons": of_cartons,
            "sscc": sscc,
            "tracking": pd.Series(_tracking(serial, carrier, carriers, sscc, numberings or {}), dtype="str"),
            "weight_g": np.where(carton == 1, ships.weight_g[sent], 0).astype(np.int64),
            "price_cents": np.where(carton == 1, ships.price_cents[sent], 0).astype(np.int64),
        }
    )
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, 0)
    cutoffs, of_cutoff = np.unique(at_s[first], return_inverse=True)
    local = np.array([calendar.local_text(second) for second in cutoffs.tolist()], dtype=object)
    totals = pd.DataFrame(
        {
            "manifest": np.arange(1, first.size + 1),
            "carrier": parcels["carrier"].array[first],
            "site": parcels["site"].array[first],
            "cutoff": pd.Series(local[of_cutoff], dtype="str"),
            "cutoff_s": at_s[first],
            "parcels": np.diff(first, append=sent.size),
            "shipments": _sums(pd.Series((carton == 1).astype(np.int64)), first),
            "weight_g": _sums(parcels["weight_g"], first),
            "price_cents": _sums(parcels["price_cents"], first),
            "hash_total": pd.Series(_hash_totals(sscc, first), dtype="str"),
        }
    )
    return Manifests(parcels=parcels, totals=totals)


def check_manifests(manifests: Manifests, records: RunRecords, business: Business) -> tuple[Identity, ...]:
    """Prove that manifests list what was tendered, once, at what the ledgers say.

    Returns
    -------
    tuple of Identity
        What was compared; none is broken.

    Raises
    ------
    AuditError
        Naming the first identity that does not hold.
    """
    proved = []
    for name, left, right in _identities(manifests, records, business):
        one, other = np.atleast_1d(np.asarray(left)).reshape(-1), np.atleast_1d(np.asarray(right)).reshape(-1)
        if one.shape != other.shape:
            raise AuditError(name, f"{one.size} against {other.size}")
        wrong = np.flatnonzero(one != other)
        if wrong.size:
            example = f"at {wrong[0]}: {one[wrong[0]]} against {other[wrong[0]]}"
            raise AuditError(name, f"{wrong.size} of {one.size}: {example}")
        proved.append(Identity(name=name, compared=one.size, broken=0, example=""))
    return tuple(proved)


def _identities(manifests: Manifests, records: RunRecords, business: Business) -> Iterator[tuple[str, object, object]]:
    parcels, totals, ships, tenders = manifests.parcels, manifests.totals, records.shipments, records.tenders
    shipment, sscc = parcels["shipment"].to_numpy(), parcels["sscc"].to_numpy()
    sent = np.flatnonzero(ships.tendered_s != NEVER)
    leads = parcels["carton"].to_numpy() == 1
    yield "every shipment tendered is on one manifest", np.sort(shipment[leads]), sent
    yield "and so is every parcel of it", np.sort(shipment), np.repeat(sent, _cartons(records)[sent])
    yield "no two parcels have the same SSCC", np.unique(sscc).size, sscc.size
    yield "SSCCs have their check digits", sscc % 10, check_digits("gs1", sscc // 10, SSCC_DIGITS - 1)
    for name in ("weight_g", "price_cents"):
        yield (
            f"{name} with a first parcel = its shipment's",
            parcels[name][leads],
            getattr(ships, name)[shipment[leads]],
        )
        yield f"{name} with no other", int(parcels[name][~leads].sum()), 0
    row = parcels["manifest"].to_numpy() - 1
    cutoff_s, site = totals["cutoff_s"].to_numpy()[row], parcels["site"].cat.codes.to_numpy()
    yield "a manifest's parcels left at its cutoff", cutoff_s, ships.tendered_s[shipment]
    yield "a manifest's parcels left from its site", totals["site"].cat.codes.to_numpy()[row], ships.site[shipment]
    carriers = np.array(business["services"].texts("carrier"), dtype=object)
    yield "a manifest's parcels go with its carrier", _texts(totals["carrier"])[row], carriers[ships.service[shipment]]
    first = np.flatnonzero(np.diff(row, prepend=-1))
    yield "parcels of a manifest = its rows", totals["parcels"], np.diff(first, append=row.size)
    yield "shipments of a manifest = its rows'", totals["shipments"], _sums(pd.Series(leads.astype(np.int64)), first)
    yield "weight of a manifest = its rows'", totals["weight_g"], _sums(parcels["weight_g"], first)
    yield "price of a manifest = its rows'", totals["price_cents"], _sums(parcels["price_cents"], first)
    yield "hash total of a manifest = its rows'", _texts(totals["hash_total"]), np.array(_hash_totals(sscc, first))
    n_sites, n_services = len(business["sites"]), len(business["services"])
    tender = tenders.at_s.astype(np.int64) * n_sites + tenders.site
    held = np.unique(np.concatenate([tender, cutoff_s * n_sites + site]))
    used, counted = (np.zeros((held.size, n_services), dtype=np.int64) for _ in range(2))
    np.add.at(used, np.searchsorted(held, tender), tenders.used)
    taken = np.searchsorted(held, (cutoff_s * n_sites + site)[leads])
    np.add.at(counted, (taken, parcels["service"].cat.codes.to_numpy()[leads]), 1)
    yield "shipments by tender and service = slots used", counted, used
    cost, paid = (np.zeros(held.size, dtype=np.int64) for _ in range(2))
    np.add.at(cost, np.searchsorted(held, tender), tenders.cost_cents)
    at = totals["cutoff_s"].to_numpy() * n_sites + totals["site"].cat.codes.to_numpy()
    np.add.at(paid, np.searchsorted(held, at), totals["price_cents"])
    yield "prices of a tender's manifests = its cost", paid, cost
    due = totals["cutoff_s"].to_numpy() >= records.warm_up_s
    parts, _ = channel_costs(records, business, derive_outcomes(records, business))
    yield (
        "prices of the counted time's manifests = parcels in the money ledger",
        int(totals["price_cents"].to_numpy()[due].sum()) * PER_CENT,
        int(parts[:, COST_NAMES.index("parcel")].sum()),
    )


def write_manifests(
    records: RunRecords,
    business: Business,
    folder: Path,
    *,
    numberings: Mapping[str, Numbering] | None = None,
    company_prefix: str = EXAMPLE_PREFIX,
    extension: int = 0,
    labels: bool = False,
) -> list[Path]:
    """Write a run's manifests, proved, as `manifests.csv`, and if asked its labels as `labels.zpl`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    AuditError, FieldError
        As `check_manifests` and `make_manifests`; nothing is written then.
    """
    manifests = make_manifests(
        records, business, numberings=numberings, company_prefix=company_prefix, extension=extension
    )
    check_manifests(manifests, records, business)
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "manifests.csv"]
    with written[0].open("w", encoding="utf-8", newline="") as file:
        write_csv(manifests, file)
    if labels:
        written.append(folder / "labels.zpl")
        with written[1].open("w", encoding="utf-8", newline="\n") as file:
            for label in parcel_labels(manifests, records, business):
                file.write(zpl_label(label))
    return written


def write_csv(manifests: Manifests, file: TextIO) -> None:
    """Write manifests one after the other (`COLUMNS`): a row a parcel, then a row `total`."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    parcels = manifests.parcels
    service = [harmless_cell(str(name)) for name in parcels["service"].cat.categories]
    of_totals = ("manifest", "carrier", "site", "cutoff", "parcels", "weight_g", "price_cents", "hash_total")
    of_parcels = ("shipment", "order", "carton", "sscc", "tracking", "weight_g", "price_cents")
    end = 0
    for number, carrier, site, cutoff, n_parcels, *sums in zip(
        *(manifests.totals[name].tolist() for name in of_totals), strict=True
    ):
        start, end = end, end + n_parcels
        head = (harmless_cell(carrier), harmless_cell(site), cutoff)
        part = parcels.iloc[start:end]
        rows.writerows(
            (
                number,
                "parcel",
                *head,
                service[code],
                shipment,
                order,
                carton,
                f"{sscc:018d}",
                tracking,
                1,
                weight,
                price,
                "",
            )
            for code, shipment, order, carton, sscc, tracking, weight, price in zip(
                part["service"].cat.codes, *(part[name].tolist() for name in of_parcels), strict=True
            )
        )
        rows.writerow((number, "total", *head, *[""] * 6, n_parcels, *sums))


def parcel_labels(manifests: Manifests, records: RunRecords, business: Business) -> Iterator[Label]:
    """Labels of all parcels in the manifests' order; each tells the weight of its whole shipment."""
    parcels, regions = manifests.parcels, business["regions"].texts("region")
    region = records.orders.region[parcels["order"].to_numpy()].tolist()
    weight_g = records.shipments.weight_g[parcels["shipment"].to_numpy()].tolist()
    columns = ("carrier", "site", "service", "order", "sscc", "tracking", "carton", "of_cartons")
    for at, (carrier, site, service, order, sscc, tracking, carton, of_cartons) in enumerate(
        zip(*(parcels[name].tolist() for name in columns), strict=True)
    ):
        yield Label(
            ship_from=(site,),
            ship_to=(f"Order {order}", regions[region[at]]),
            carrier=carrier,
            service=service,
            sscc=f"{sscc:018d}",
            tracking=tracking,
            weight_g=weight_g[at],
            carton=carton,
            of_cartons=of_cartons,
        )


def _cartons(records: RunRecords) -> NDArray[np.int64]:
    """Parcels of each shipment, at least one; int64, shape (n_shipments,)."""
    ships = records.shipments
    return np.maximum(ships.cartons, 1).astype(np.int64) if ships.cartons.size else np.ones(ships.order.size, np.int64)


def _named(codes: Int, names: Sequence[str]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes, pd.Index(list(names), dtype="str"))


def _tracking(
    serials: NDArray[np.int64],
    carrier: Int,
    carriers: list[str],
    sscc: NDArray[np.int64],
    numberings: Mapping[str, Numbering],
) -> NDArray[np.object_]:
    """Tracking numbers of parcels, by their carriers' ways of numbering."""
    found = np.empty(serials.size, dtype=object)
    for code, name in enumerate(carriers):
        of_it = np.flatnonzero(carrier == code)
        if name in numberings:
            found[of_it] = numberings[name].of(serials[of_it])
        else:
            found[of_it] = [f"{number:018d}" for number in sscc[of_it].tolist()]
    return found


def _sums(values: pd.Series[int], first: Int) -> NDArray[np.int64]:
    """Sums of runs of rows that begin at `first`."""
    found: NDArray[np.int64] = np.add.reduceat(values.to_numpy(), first) if first.size else np.zeros(0, dtype=np.int64)
    return found


def _hash_totals(sscc: NDArray[np.int64], first: Int) -> list[str]:
    """Last 18 digits of the sum of each manifest's SSCCs."""
    if not first.size:
        return []
    high, low = (np.add.reduceat(half, first).tolist() for half in np.divmod(sscc, HALF))
    return [f"{(a * HALF + b) % 10**SSCC_DIGITS:018d}" for a, b in zip(high, low, strict=True)]


def _texts(column: pd.Series[str]) -> NDArray[np.object_]:
    return np.array(column.tolist(), dtype=object)
