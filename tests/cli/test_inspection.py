"""`explain` and `manifest` on a shop small enough to follow with a pencil."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Ended

    Omsim = Callable[..., Ended]

FOURTH_ORDER = """\
    Order 3 of corner_shop: replication 0, seed 1; money in EUR

      came        2026-09-30 08:30:00 by channel web from region town
      validated   2026-09-30 08:30:00
      promised    delivery by 2026-10-02 23:59:59
      outcome     delivered as a whole by 2026-10-05 09:53:00, 2.4 d late; missed because: waited for stock

    line   SKU   units   served at once   later
    ────────────────────────────────────────────────────────────
    1      mug       3                1       2   waited at shop

    Sourcing: 2026-09-30 09:00:00
      rule nearest: line by line, the nearest site that has some of it
      taken: 1 mug from shop

    site   km   mug (3)   taken
    ───────────────────────────
    shop    5         1       1

    Ways to serve it and what each was expected to cost; the rule itself does not look at them
    from   units   parcel   by weight   order work   unit work   per parcel   left over   total   difference
    ────────────────────────────────────────────────────────────────────────────────────────────────────────
    shop       1     2.64        0.61         1.50        0.45         1.00       60.00   66.20       chosen
    none       0                                                                  90.00   90.00       +23.80

    While it waited, stock came
    at                    for line      free   wanted before it   wanted   given
    ────────────────────────────────────────────────────────────────────────────
    2026-10-02 07:00:00   mug at shop      5                  0        2       2

    Shipment 1 of 2 from shop: 1 mug
      released    2026-09-30 09:00:00
      picked      2026-09-30 09:00:00 to 2026-09-30 09:01:45
      packed      2026-09-30 09:01:45 to 2026-09-30 09:03:15

      Tender 2026-09-30 17:00:00, 1 parcel: goes with letter
    service   price   on time   total   slots used
    ───────────────────────────────────────────────────────
    letter     3.00   100.0 %    3.00     1 of 100   chosen
    parcel     5.00   100.0 %    5.00     0 of 100
      letter: 3.00 rate up to 500 g, for 400 g
      parcel: 5.00 rate up to 2,000 g, for 400 g

      delivered   2026-10-01 12:02:24, on time

    Shipment 2 of 2 from shop: 2 mug
      released    2026-10-02 07:00:00
      picked      2026-10-02 08:00:00 to 2026-10-02 08:02:00, after 60.0 min of waiting
      packed      2026-10-02 08:02:00 to 2026-10-02 08:04:00

      Tender 2026-10-02 17:00:00, 2 parcels: goes with letter
    service   price   late   on time   total   slots used
    ──────────────────────────────────────────────────────────────
    letter     4.00   5.00     0.0 %    9.00     2 of 100   chosen
    parcel     5.00   5.00     0.0 %   10.00     0 of 100
      letter: 4.00 rate up to 1,000 g, for 800 g
      parcel: 5.00 rate up to 2,000 g, for 800 g

      delivered   2026-10-05 09:53:00, 2.4 d late

    What it cost, by what fell due in the counted time (from 2026-09-28 00:00:00)
    component        cost
    ─────────────────────
    pick             2.25
    pack             2.10
    parcel           7.00
    holding          0.15
    ordering         2.86
    late penalty     5.00
    split penalty    1.00
    total           20.36
"""


def told(ended: Ended) -> str:
    """What a command said, blanks at line ends aside."""
    return "".join(f"{line.rstrip()}\n" for line in ended.out.splitlines())


def test_an_order_is_told_from_arrival_to_cost(shop: Path, omsim: Omsim) -> None:
    """The fourth order of the shop's README: one mug goes, two wait and travel late, at the cost told there."""
    ended = omsim("explain", 3, "shop", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert told(ended) == dedent(FOURTH_ORDER)


def test_lost_and_returned_orders_are_told(shop: Path, omsim: Omsim, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost sale has no shipment; a return tells its steps; the working directory is the default model."""
    monkeypatch.chdir(shop / "shop")
    lost = omsim("explain", 4, "--quiet")
    assert "lost: nothing of it was served; missed because: no stock: units cancelled" in lost.out
    assert "Shipment" not in lost.out
    back = omsim("explain", 6, "--quiet")
    assert "return      1 kettle to shop: asked for 2026-10-04" in back.out
    assert "restock, 50.00 refunded 2026-10-05" in back.out


def test_a_scenarios_order_and_another_replication(shop: Path, omsim: Omsim) -> None:
    """A scenario is told by its name; replications differ."""
    ended = omsim("explain", 0, "dearer.toml", "--replication", 2, "--seed", 9, "--quiet")
    assert ended.code == 0
    assert ended.out.startswith("Order 0 of dearer: replication 2, seed 9; money in EUR\n")


def test_the_story_as_a_document(shop: Path, omsim: Omsim) -> None:
    """JSON mode prints the whole story once, with numbers that add up."""
    document = omsim("explain", 3, "shop", "--json").document
    assert (document["schema_version"], document["command"], document["name"]) == (1, "explain", "corner_shop")
    story = document["story"]
    assert [shipment["price_cents"] for shipment in story["shipments"]] == [300, 400]
    assert sum(cents for _, cents in story["costs"]) == pytest.approx(story["total_cents"])
    chosen = story["sourcing"][0]["options"][0]
    assert chosen["chosen"]
    assert sum(cents for _, cents in chosen["terms"]) == chosen["cost_cents"] == 6620


@pytest.mark.parametrize(("order", "code"), [(8, 3), (1004, 3), ("tea", 2)])
def test_a_wrong_order_is_told_with_the_range(shop: Path, omsim: Omsim, order: object, code: int) -> None:
    """A number out of range is one line with the range, exit 3; what is no number at all is a usage error."""
    ended = omsim("explain", order, "shop", "--quiet")
    assert (ended.code, ended.out) == (code, "")
    if code == 3:
        assert ended.err == f"order must be from 0 to 7, got {order}\n"


def test_manifests_are_written_and_told(shop: Path, omsim: Omsim) -> None:
    """Eight shipments on their manifests, their totals in the summary, no other file beside."""
    ended = omsim("manifest", "shop", "--out", "papers", "--quiet")
    assert ended.code == 0
    row = next(line for line in ended.out.splitlines() if line.startswith("post"))
    assert row.split() == ["post", "5", "8", "8", "6.1", "30.00"]
    assert sorted(path.name for path in (shop / "papers").iterdir()) == ["manifests.csv"]
    assert not list(shop.glob("papers.*"))
    lines = (shop / "papers" / "manifests.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(lines))
    assert sum(int(row["price_cents"]) for row in rows if row["row"] == "total") == 3000


def test_labels_and_prefix(shop: Path, omsim: Omsim) -> None:
    """Each parcel gets a label, numbered under the given prefix."""
    document = omsim(
        "manifest", "shop", "--out", "papers", "--labels", "--company-prefix", "4012345", "--json"
    ).document
    assert [Path(path).name for path in document["files"]] == ["manifests.csv", "labels.zpl"]
    assert document["carriers"] == [
        {"carrier": "post", "manifests": 5, "shipments": 8, "parcels": 8, "weight_g": 6100, "price_cents": 3000}
    ]
    labels = (shop / "papers" / "labels.zpl").read_text(encoding="utf-8")
    assert labels.count("^XA") == 8
    assert "(00) 04012345000000000" in labels


def test_a_full_folder_is_kept_unless_forced(shop: Path, omsim: Omsim) -> None:
    """Without --force nothing is touched; with it our files are new, old labels gone, and other files stay."""
    assert omsim("manifest", "shop", "--out", "papers", "--labels").code == 0
    (shop / "papers" / "notes.txt").write_text("mine", encoding="utf-8")
    (shop / "papers" / "manifests.csv").write_text("old", encoding="utf-8")
    refused = omsim("manifest", "shop", "--out", "papers")
    assert refused.code == 1
    assert "has files in it already" in refused.err
    assert (shop / "papers" / "manifests.csv").read_text(encoding="utf-8") == "old"
    assert omsim("manifest", "shop", "--out", "papers", "--force").code == 0
    assert sorted(path.name for path in (shop / "papers").iterdir()) == ["manifests.csv", "notes.txt"]
    assert (shop / "papers" / "manifests.csv").read_text(encoding="utf-8").startswith("manifest,row,carrier")


def test_a_prefix_that_is_none_writes_nothing(shop: Path, omsim: Omsim) -> None:
    """A wrong prefix is one line naming the rule, exit 3, and leaves no folder."""
    ended = omsim("manifest", "shop", "--out", "papers", "--company-prefix", "12x", "--quiet")
    assert (ended.code, ended.err) == (3, "company_prefix must be 4 to 12 digits, got '12x'\n")
    assert not list(shop.glob("papers*"))


@pytest.mark.parametrize("command", ["explain", "manifest"])
def test_help_loads_nothing_heavy(repo: Path, command: str) -> None:
    """Help needs no NumPy."""
    code = (
        f"import sys; sys.argv = ['omsim', {command!r}, '--help']\n"
        "from omsim.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--replication" in done.stdout
