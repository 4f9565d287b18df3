"""Manifests: every parcel once, totals that tie to tenders and money, and a file that says the same."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from analysis.small_records import made_records
from model.small_models import TABLES, small_business
from sim.busy_models import both_engines, random_business

from omsim.analysis.labels import Numbering
from omsim.analysis.manifest import COLUMNS, Manifests, check_manifests, make_manifests, write_manifests
from omsim.errors import AuditError, FieldError
from omsim.kernels.rating.check_digits import is_valid
from omsim.sim.records import NEVER


def tied(records):
    """Made-up records of which the tenders cost what their parcels do."""
    ships, tenders = records.shipments, records.tenders
    at = zip(tenders.at_s.tolist(), tenders.site.tolist(), strict=True)
    cost = [
        ships.price_cents[(ships.tendered_s == at_s) & (ships.site == site)].sum(dtype=np.int64) for at_s, site in at
    ]
    return replace(records, tenders=replace(tenders, cost_cents=np.array(cost, dtype=np.int64)))


@pytest.fixture(scope="module")
def business():
    """The small business, three of its days not counted."""
    return small_business({"model.warm_up_days": 3})


@pytest.fixture(scope="module")
def records(business):
    """432 parcels in 56 manifests."""
    return tied(made_records(business))


def rows_of(path):
    """The rows of a manifest file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_parcel_is_listed_with_its_carrier_and_cutoff(records, business):
    """Against going through the shipments one by one."""
    manifests = make_manifests(records, business)
    ships, services = records.shipments, business["services"]
    expected = {}
    for shipment in np.flatnonzero(ships.tendered_s != NEVER).tolist():
        key = (
            services.texts("carrier")[ships.service[shipment]],
            business["sites"].texts("site")[ships.site[shipment]],
            int(ships.tendered_s[shipment]),
        )
        expected.setdefault(key, []).append(shipment)
    listed = {}
    for total in manifests.totals.itertuples():
        of_it = manifests.parcels[manifests.parcels["manifest"] == total.manifest]
        listed[total.carrier, total.site, total.cutoff_s] = of_it["shipment"].tolist()
        assert total.parcels == len(of_it)
        assert total.weight_g == ships.weight_g[of_it["shipment"]].sum()
        assert total.price_cents == ships.price_cents[of_it["shipment"]].sum()
        assert int(total.hash_total) == sum(of_it["sscc"].tolist()) % 10**18
    assert listed == expected
    assert manifests.totals["cutoff_s"].is_monotonic_increasing


def test_cutoffs_are_told_in_local_time(records, business):
    """17:00 on the clock of the place, summer time and all."""
    assert set(make_manifests(records, business).totals["cutoff"].str[11:]) == {"17:00:00"}


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_manifests_of_real_runs_tie_to_tenders_and_money(seed):
    """Random businesses in both engines: all identities hold, and both list the same."""
    business = random_business(seed)
    one, other = both_engines(business, seed=seed)
    manifests, again = make_manifests(one, business), make_manifests(other, business)
    proved = check_manifests(manifests, one, business)
    assert sum(identity.compared for identity in proved) > 5 * len(manifests.parcels) > 0
    assert manifests.parcels.equals(again.parcels)
    assert manifests.totals.equals(again.totals)


def test_the_file_says_it_all_and_adds_up(tmp_path, records, business):
    """Read back as text: parcels, a total after each manifest, numbers with their check digits."""
    (path,) = write_manifests(records, business, tmp_path / "run")
    rows = rows_of(path)
    assert tuple(rows[0]) == COLUMNS
    parcels = [row for row in rows if row["row"] == "parcel"]
    assert len(parcels) == int((records.shipments.tendered_s != NEVER).sum())
    assert all(is_valid("gs1", row["sscc"]) and len(row["sscc"]) == 18 for row in parcels)
    assert {row["tracking"] for row in parcels} == {row["sscc"] for row in parcels}
    open_rows = []
    for row in rows:
        if row["row"] == "parcel":
            open_rows.append(row)
            continue
        for name in ("manifest", "carrier", "site", "cutoff"):
            assert {parcel[name] for parcel in open_rows} == {row[name]}
        for name in ("parcels", "weight_g", "price_cents"):
            assert int(row[name]) == sum(int(parcel[name]) for parcel in open_rows)
        assert int(row["hash_total"]) == sum(int(parcel["sscc"]) for parcel in open_rows) % 10**18
        open_rows = []
    assert open_rows == []


def test_carriers_number_parcels_their_own_way(tmp_path, records, business):
    """One carrier in S10, the other by SSCC; labels carry both numbers, one label a parcel."""
    numberings = {"swift": Numbering(scheme="s10", letters=("RB", "GB"))}
    paths = write_manifests(records, business, tmp_path, numberings=numberings, labels=True)
    parcels = [row for row in rows_of(paths[0]) if row["row"] == "parcel"]
    by_carrier = {carrier: [row for row in parcels if row["carrier"] == carrier] for carrier in ("swift", "arrow")}
    assert all(is_valid("s10", row["tracking"]) for row in by_carrier["swift"])
    assert all(row["tracking"] == row["sscc"] for row in by_carrier["arrow"])
    labels = paths[1].read_text(encoding="utf-8").split("^XZ\n")
    assert labels.pop() == ""
    assert len(labels) == len(parcels)
    for label, row in zip(labels, parcels, strict=True):
        assert f"^FD>;>800{row['sscc']}^FS" in label
        assert f"^FD{row['tracking']}^FS" in label
        assert f"Order {row['order']}^FS" in label


@pytest.fixture
def in_cartons(records):
    """The same records, with one to four cartons a shipment."""
    n_shipments = records.shipments.order.size
    cartons = np.random.default_rng(0).integers(1, 5, n_shipments)
    return replace(records, shipments=replace(records.shipments, cartons=cartons))


def test_every_carton_has_its_own_number(tmp_path, in_cartons, business):
    """One row and one label a carton, x of y; weight and price once a shipment, totals as without cartons."""
    paths = write_manifests(in_cartons, business, tmp_path, labels=True)
    rows, cartons = rows_of(paths[0]), in_cartons.shipments.cartons
    parcels = [row for row in rows if row["row"] == "parcel"]
    sent = np.flatnonzero(in_cartons.shipments.tendered_s != NEVER)
    assert len({row["sscc"] for row in parcels}) == len(parcels) == cartons[sent].sum()
    of_shipment = {}
    for row in parcels:
        of_shipment.setdefault(int(row["shipment"]), []).append(row)
    for shipment, those in of_shipment.items():
        assert [int(row["carton"]) for row in those] == list(range(1, cartons[shipment] + 1))
        assert int(those[0]["weight_g"]) == in_cartons.shipments.weight_g[shipment]
        assert not any(int(row["weight_g"]) or int(row["price_cents"]) for row in those[1:])
    labels = paths[1].read_text(encoding="utf-8")
    assert labels.count("^XA") == len(parcels)
    assert labels.count(" of 4^FS") == 4 * (cartons[sent] == 4).sum()


def test_a_carton_left_out_or_priced_twice_is_found(in_cartons, business):
    """The last carton of a shipment missing; a second carton with a price of its own."""
    manifests = make_manifests(in_cartons, business)
    second = int(np.flatnonzero(manifests.parcels["carton"] == 2)[0])
    with pytest.raises(AuditError, match="price_cents with no other"):
        check_manifests(doctored(manifests, "parcels", "price_cents", second, lambda _: 5), in_cartons, business)
    last = np.flatnonzero(
        (manifests.parcels["carton"] > 1) & (manifests.parcels["carton"] == manifests.parcels["of_cartons"])
    )
    with pytest.raises(AuditError, match="and so is every parcel of it"):
        check_manifests(replace(manifests, parcels=manifests.parcels.drop(index=last[0])), in_cartons, business)


def test_names_are_harmless_in_file_and_on_label(tmp_path, records):
    """A site called like a formula and a printer command is neither."""
    sites = "site, kind, cutoff\n=1+1^XZ, dc, 17:00\nsouth, store, 16:00"
    tables = {name: text.replace("north", "=1+1^XZ") for name, text in TABLES.items()}
    business = small_business({"model.warm_up_days": 3}, **{**tables, "sites": sites})
    csv_path, zpl_path = write_manifests(records, business, tmp_path, labels=True)
    assert {row["site"] for row in rows_of(csv_path)} == {"'=1+1^XZ", "south"}
    zpl = zpl_path.read_text(encoding="utf-8")
    assert zpl.count("^XZ") == zpl.count("^XA")
    assert "=1+1_5EXZ" in zpl


def doctored(manifests, table, column, row, change):
    """Manifests with one cell changed."""
    frame = getattr(manifests, table).copy()
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = change(frame.loc[row, column])
    frame[column] = frame[column].astype(getattr(manifests, table)[column].dtype)
    return replace(manifests, **{table: frame})


@pytest.mark.parametrize(
    ("table", "column", "change", "identity"),
    [
        ("parcels", "shipment", lambda row: row + 1, "every shipment tendered is on one manifest"),
        ("parcels", "sscc", lambda sscc: sscc + 1, "SSCCs have their check digits"),
        ("parcels", "sscc", lambda sscc: 95_212_340_000_000_013, "no two parcels have the same SSCC"),
        ("parcels", "sscc", lambda sscc: 340_123_456_789_012_340, "hash total of a manifest = its rows'"),
        ("parcels", "weight_g", lambda grams: grams + 1, "weight_g with a first parcel = its shipment's"),
        ("parcels", "price_cents", lambda cents: cents - 1, "price_cents with a first parcel = its shipment's"),
        ("totals", "cutoff_s", lambda second: second + 1, "a manifest's parcels left at its cutoff"),
        ("totals", "site", {"north": "south", "south": "north"}.get, "a manifest's parcels left from its site"),
        ("totals", "carrier", {"swift": "arrow", "arrow": "swift"}.get, "a manifest's parcels go with its carrier"),
        ("totals", "parcels", lambda n: n + 1, "parcels of a manifest = its rows"),
        ("parcels", "carton", lambda carton: carton + 1, "every shipment tendered is on one manifest"),
        ("totals", "shipments", lambda n: n - 1, "shipments of a manifest = its rows'"),
        ("totals", "weight_g", lambda grams: grams + 1, "weight of a manifest = its rows'"),
        ("totals", "price_cents", lambda cents: cents + 1, "price of a manifest = its rows'"),
        ("totals", "hash_total", lambda text: text[::-1], "hash total of a manifest = its rows'"),
    ],
)
def test_a_slip_of_the_pen_is_found(records, business, table, column, change, identity):
    """One cell changed breaks the identity that owns it."""
    wrong = doctored(make_manifests(records, business), table, column, 0, change)
    with pytest.raises(AuditError) as told:
        check_manifests(wrong, records, business)
    assert told.value.args[0] == identity


def test_a_parcel_left_out_or_tenders_that_say_otherwise_are_found(tmp_path, records, business):
    """The last parcel missing; one slot more used; one cent more paid: nothing is written then."""
    manifests = make_manifests(records, business)
    short = Manifests(parcels=manifests.parcels.iloc[:-1], totals=manifests.totals)
    with pytest.raises(AuditError, match="every shipment tendered is on one manifest"):
        check_manifests(short, records, business)
    tenders = records.tenders
    for column, identity in (
        ("used", "shipments by tender and service = slots used"),
        ("cost_cents", "prices of a tender's manifests = its cost"),
    ):
        more = getattr(tenders, column).copy()
        more.flat[0] += 1
        wrong = replace(records, tenders=replace(tenders, **{column: more}))
        with pytest.raises(AuditError, match=identity):
            write_manifests(wrong, business, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_parcels_has_an_empty_manifest(tmp_path, records, business):
    """Nothing tendered: a header, no rows, and every identity holds on nothing."""
    ships, tenders = records.shipments, records.tenders
    never = np.full_like(ships.tendered_s, NEVER)
    none = replace(
        records,
        shipments=replace(ships, tendered_s=never, delivered_s=never),
        tenders=replace(tenders, used=np.zeros_like(tenders.used), cost_cents=np.zeros_like(tenders.cost_cents)),
    )
    (path,) = write_manifests(none, business, tmp_path)
    assert path.read_text(encoding="utf-8") == ",".join(COLUMNS) + "\n"


def test_numbers_too_short_for_the_run_are_refused(tmp_path, records, business):
    """Two digits do not number hundreds of parcels; nothing is written."""
    numberings = {"swift": Numbering(scheme="gs1", head="9400", serial_digits=2)}
    with pytest.raises(FieldError, match=r"serial number must be 0 to 99, got 1\d\d"):
        write_manifests(records, business, tmp_path / "none", numberings=numberings)
    assert not (tmp_path / "none").exists()
