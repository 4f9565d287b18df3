"""Manifests and labels of one replication, proved against its ledgers and written whole.

Owns the way from a business to files in a folder; what is in them is `analysis.manifest`'s and `analysis.labels`' work.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.labels import EXAMPLE_PREFIX
from omsim.analysis.manifest import write_manifests
from omsim.experiments.atomic import adopt_partial, publish_folder, sync_folder
from omsim.sim.engine import run_once
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierTotals:
    """What a carrier took over in a run, on all its manifests."""

    carrier: str
    manifests: int
    shipments: int
    parcels: int
    weight_g: int
    price_cents: int


def write_papers(
    business: Business,
    folder: Path,
    *,
    seed: int,
    replication: int = 0,
    labels: bool = False,
    company_prefix: str = EXAMPLE_PREFIX,
) -> tuple[list[Path], tuple[CarrierTotals, ...]]:
    """Simulate a replication and write its manifests, and if asked its labels, into a folder.

    A new folder appears whole; in one that is there already each file is replaced whole, and labels of an earlier run
    are taken away when none are asked for, as they would belong to other parcels.

    Returns
    -------
    list of Path
        The files written.
    tuple of CarrierTotals

    Raises
    ------
    AuditError, FieldError
        As `analysis.manifest.write_manifests`; nothing is written then.
    """
    records = run_once(business, seed=seed, replication=replication)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = adopt_partial(folder)
    try:
        written = write_manifests(records, business, partial, company_prefix=company_prefix, labels=labels)
        names = [path.name for path in written]
        if folder.exists():
            for name in names:
                _sync_file(partial / name)
                os.replace(partial / name, folder / name)
            if not labels:
                (folder / "labels.zpl").unlink(missing_ok=True)
            sync_folder(folder)
            shutil.rmtree(partial, ignore_errors=True)
        else:
            for name in names:
                _sync_file(partial / name)
            publish_folder(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return [folder / name for name in names], carrier_totals(records, business)


def carrier_totals(records: RunRecords, business: Business) -> tuple[CarrierTotals, ...]:
    """What each carrier took over, in the order of the model's services."""
    ships = records.shipments
    names = business["services"].texts("carrier")
    sent = np.flatnonzero(ships.tendered_s != NEVER)
    cartons = np.maximum(ships.cartons[sent], 1) if ships.cartons.size else np.ones(sent.size, dtype=np.int64)
    found = []
    for carrier in dict.fromkeys(names):
        mine = np.array([name == carrier for name in names], dtype=np.bool_)[ships.service[sent]]
        rows = sent[mine]
        found.append(
            CarrierTotals(
                carrier=carrier,
                manifests=np.unique(np.stack([ships.tendered_s[rows], ships.site[rows]]), axis=1).shape[1],
                shipments=rows.size,
                parcels=int(cartons[mine].sum()),
                weight_g=int(ships.weight_g[rows].sum(dtype=np.int64)),
                price_cents=int(ships.price_cents[rows].sum(dtype=np.int64)),
            )
        )
    return tuple(found)


def _sync_file(path: Path) -> None:
    """Have a file's content on the disk before its name is."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
