"""Pictures: a figure with its words and its table, one look for all, and SVG that can stand in a page.

Owns colours, type and the SVG output. Figures are made with matplotlib's object interface only: no global state, no
window, the same bytes each time.
"""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

# Okabe & Ito's palette (2008), told apart with any colour vision and in grey print by lightness.
BASELINE_COLOUR = "#5A5A5A"
ARM_COLOURS = ("#0072B2", "#E69F00", "#8B3A8B", "#56B4E9", "#000000")
BETTER, WORSE, UNCLEAR = "#009E73", "#D55E00", "#8C8C8C"
FAINT = "#D9D9D9"
INK = "#1A1A1A"

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#808080",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.7,
    "xtick.color": "#404040",
    "ytick.color": "#404040",
    "text.color": INK,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "omsim",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
}

# Figures are laid out with DejaVu Sans; pages may lack it, and Verdana is drawn to the same widths.
FONTS = "'DejaVu Sans', Verdana, Arial, sans-serif"
WIDTH_IN = 8.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawn figure and everything that goes with it.

    Attributes
    ----------
    key : str
        Short name, unique in a report.
    title : str
    caption : str
        How to read it, in a sentence or two.
    alt : str
        What it shows, for those who cannot see it.
    figure : Figure
    header : tuple of str
    rows : tuple of tuple of str
        The numbers behind it.
    """

    key: str
    title: str
    caption: str
    alt: str
    figure: Figure
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def arm_colours(n_arms: int, baseline: int) -> list[str]:
    """One colour an arm: grey for the baseline, alone blue."""
    if n_arms == 1:
        return [ARM_COLOURS[0]]
    others = iter(ARM_COLOURS * n_arms)
    return [BASELINE_COLOUR if arm == baseline else next(others) for arm in range(n_arms)]


@contextmanager
def _drawing() -> Iterator[None]:
    """Our style; and no complaint about letters our font lacks, since a page's fonts have them."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def draw(height_in: float, paint: Callable[[Figure], None], width_in: float = WIDTH_IN) -> Figure:
    """A figure painted in omsim's style."""
    with _drawing():
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        paint(figure)
        FigureCanvasSVG(figure)
        return figure


def svg_text(picture: Picture) -> str:
    """The picture as an ``<svg>`` element to stand in HTML.

    Ids are prefixed with the picture's key (several pictures share a page), size follows the page, and `alt` is its
    title element, so screen readers have it.
    """
    buffer = io.StringIO()
    with _drawing():
        picture.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = svg.replace("'DejaVu Sans'", FONTS)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]*)"', rf'id="{picture.key}-\1"', svg)
    svg = re.sub(r'(xlink:href="|href="|url\()#', rf"\1#{picture.key}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    label = picture.alt.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def write_png(picture: Picture, path: Path, dpi: int = 110) -> None:
    """The picture as a PNG file."""
    with _drawing():
        FigureCanvasAgg(picture.figure)
        picture.figure.savefig(path, dpi=dpi)


def plain(text: str) -> str:
    """Text for a figure: one line, long names cut."""
    line = " ".join(text.split())
    return line if len(line) <= 34 else line[:32] + "…"


def spread_labels(places: Sequence[float], least: float) -> list[float]:
    """Places moved apart to at least `least`, order kept, as near as possible to where they were.

    >>> spread_labels([1.0, 1.1, 5.0], 1.0)
    [0.55, 1.55, 5.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    clusters: list[tuple[float, list[int]]] = []  # centre, members in order
    for i in order:
        clusters.append((places[i], [i]))
        while len(clusters) > 1:
            (low, left), (high, right) = clusters[-2:]
            if high - low >= least * (len(left) + len(right)) / 2:
                break
            members = left + right
            centre = (low * len(left) + high * len(right)) / len(members)
            clusters[-2:] = [(centre, members)]
    moved = list(places)
    for centre, members in clusters:
        for at, i in enumerate(members):
            moved[i] = centre + (at - (len(members) - 1) / 2) * least
    return moved


def label_right(axes: Axes, ends: Sequence[tuple[float, str, str]], x: float) -> None:
    """Write names at the right ends of lines, moved apart; `ends` holds (y, text, colour)."""
    low, high = axes.get_ylim()
    least = (high - low) * 0.13
    for y, (_, text, colour) in zip(spread_labels([end[0] for end in ends], least), ends, strict=True):
        axes.annotate(
            plain(text),
            (x, y),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontweight="bold",
            fontsize=9,
            annotation_clip=False,
        )
