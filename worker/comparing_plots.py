"""A comparison as curves in one HTML file that needs nothing else, by Plotly (`shoal[report]`)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from segmentation.choosing.candidates import Candidate, Comparison
from segmentation.choosing.methods import METHODS
from worker.plotting import require_plotly

_CURVES: Final[tuple[tuple[str, Callable[[Candidate], float | None]], ...]] = (
    ("Stability (agreement of repeated runs)", lambda one: one.figures.stability),
    ("Share of 90 days' spend explained", lambda one: one.figures.spend),
    ("Silhouette", lambda one: one.figures.shape.silhouette),
    ("Mean squared distance to the own group", lambda one: one.figures.shape.error),
)
_HEIGHT: Final = 1_300


def write_plots(found: Comparison, path: Path) -> None:
    """Write the curves of every method over the number of groups, and DBSCAN's k-distances."""
    require_plotly()
    subplots: Any = import_module("plotly.subplots")  # an extra

    titles = [title for title, _ in _CURVES]
    titles += ["Stability against spend explained", "Distance to the neighbour (DBSCAN's eps)"]
    figure = subplots.make_subplots(rows=3, cols=2, subplot_titles=titles)
    for place, (_, value) in enumerate(_CURVES):
        where = {"row": place // 2 + 1, "col": place % 2 + 1}
        for name, its in _lines(found).items():
            points = sorted((one.figures.groups, shown) for one in its if (shown := value(one)))
            line = {"x": [x for x, _ in points], "y": [y for _, y in points], "name": name}
            figure.add_scatter(**line, **where, legendgroup=name, showlegend=place == 0)
        figure.update_xaxes(title_text="groups", dtick=1, **where)
    _against(figure, found)
    figure.add_scatter(y=list(found.curve), showlegend=False, row=3, col=2)
    figure.update_xaxes(title_text="customers, nearest first (thinned)", row=3, col=2)
    figure.update_layout(height=_HEIGHT, title_text=found.reason, title_font_size=12)
    figure.write_html(path, include_plotlyjs=True, full_html=True)


def _lines(found: Comparison) -> dict[str, list[Candidate]]:
    """Candidates of one method and reduction; those with a noise share as dear are no curve."""
    lines: dict[str, list[Candidate]] = {}
    for one in found.candidates:
        end = "" if one.spec.reduction == "none" else f", {one.spec.reduction}"
        lines.setdefault(METHODS[one.spec.method].title + end, []).append(one)
    return lines


def _against(figure: Any, found: Comparison) -> None:
    known = [one for one in found.candidates if one.figures.spend is not None]
    figure.add_scatter(
        x=[one.figures.stability for one in known],
        y=[one.figures.spend for one in known],
        text=[one.id for one in known],
        mode="markers",
        marker={"color": ["red" if one.id == found.recommended else "grey" for one in known]},
        showlegend=False,
        row=3,
        col=1,
    )
    figure.update_xaxes(title_text="stability (red: recommended)", row=3, col=1)
