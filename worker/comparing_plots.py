"""A comparison as curves in one HTML file that needs nothing else, by Plotly (`shoal[report]`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from segmentation.choosing.candidates import Candidate, Comparison
from segmentation.choosing.methods import METHODS
from worker.reporting.look import COLOURS, INK
from worker.reporting.pieces import paragraph, plot, toned
from worker.reporting.plots import Figure, layout, margin, y_axis
from worker.reporting.shell import document
from worker.web.html import Html, element, together

_Value = Callable[[Candidate], float | None]


class Curve(msgspec.Struct, frozen=True):
    """A figure over the number of groups: its place's name, title, what is better, d3's format."""

    name: str
    title: str
    better: str
    form: str
    value: _Value


_CURVES: Final = (
    Curve(
        "stability",
        "Stability: agreement of repeated runs",
        "more is better",
        ".2f",
        lambda one: one.figures.stability,
    ),
    Curve(
        "spend",
        "Share of 90 days' spend explained",
        "more is better",
        ".1%",
        lambda one: one.figures.spend,
    ),
    Curve(
        "silhouette",
        "Silhouette: how clearly groups are apart",
        "more is better",
        ".2f",
        lambda one: one.figures.shape.silhouette,
    ),
    Curve(
        "error",
        "Mean squared distance to the own group",
        "less is better",
        ".1f",
        lambda one: one.figures.shape.error,
    ),
)
_HUES: Final = dict(zip(METHODS, COLOURS.values(), strict=False))
_SYMBOLS: Final = {"none": "circle", "pca": "square", "factors": "diamond"}
_DASHES: Final = {"none": "solid", "pca": "dash", "factors": "dot"}
_HEIGHT: Final = 330


def write_plots(found: Comparison, path: Path) -> None:
    """Write every method's figures over the number of groups, and DBSCAN's k-distances.

    Raises
    ------
    PlotsMissing
        Where Plotly is not installed.
    """
    drawn = {one.name: _curves(found, one) for one in _CURVES}
    titles = {one.name: f"{one.title} ({one.better})" for one in _CURVES}
    if any(one.figures.spend is not None for one in found.candidates):
        drawn["both"] = _against(found)
        titles["both"] = "Stability against spend explained (further up and right is better)"
    if found.curve:
        drawn["distances"] = _distances(found.curve)
        titles["distances"] = "Distance to the neighbour, nearest customers first (DBSCAN)"
    places = [
        element("div", element("h3", titles[name]), plot(name, titles[name], figure))
        for name, figure in drawn.items()
    ]
    body = [
        element("h1", "Which groups suit this shop?"),
        *(paragraph(said) for said in (found.reason, *found.notes)),
        _legend(found),
        element("div", *places, kind="pair"),
    ]
    path.write_text(document("Which groups suit this shop?", together(body), drawn), "utf-8")


def _legend(found: Comparison) -> Html:
    there = [name for name in METHODS if any(one.spec.method == name for one in found.candidates)]
    names = [
        element(
            "span", toned("span", _HUES[name], kind="swatch"), METHODS[name].title, kind="named"
        )
        for name in there
    ]
    lines = (
        "Solid, circle: features as they are; dashed, square: behind principal components; "
        "dotted, diamond: behind factors."
    )
    ring = " Ringed: recommended." if found.recommended else ""
    return together([element("p", *names, kind="legend"), paragraph(lines + ring, "soft")])


def _curves(found: Comparison, curve: Curve) -> Figure:
    traces = [
        _line(method, reduction, points)
        for (method, reduction), its in _lines(found).items()
        if (points := sorted(_points(its, curve.value)))
    ]
    best = [one for one in found.candidates if one.id == found.recommended]
    traces += [_ring(x, y, name) for x, y, name in _points(best, curve.value)]
    across: Figure = {"tickmode": "linear", "tick0": 0, "dtype": 1, "zeroline": False}
    across |= {"fixedrange": True, "showgrid": False, "title": {"text": "groups"}}
    return {"data": traces, "layout": _frame(across, y_axis(curve.form))}


def _points(its: Sequence[Candidate], value: _Value) -> Iterator[tuple[int, float, str]]:
    for one in its:
        if (shown := value(one)) is not None:
            yield one.figures.groups, shown, one.id


def _line(method: str, reduction: str, points: Sequence[tuple[int, float, str]]) -> Figure:
    return {
        "type": "scatter",
        # Of a method that is given no number of groups one follows from another by nothing.
        "mode": "lines+markers" if METHODS[method].takes_k else "markers",
        "marker": {"color": _HUES[method], "symbol": _SYMBOLS[reduction], "size": 7},
        "x": [x for x, _, _ in points],
        "y": [y for _, y, _ in points],
        "text": [name for _, _, name in points],
        "line": {"color": _HUES[method], "dash": _DASHES[reduction], "width": 2},
        "hovertemplate": "%{text}: %{y}<extra></extra>",
    }


def _ring(x: float, y: float, name: str) -> Figure:
    ring = {"symbol": "circle-open", "size": 16, "color": INK, "line": {"width": 2}}
    point = {"x": [x], "y": [y], "text": [name], "textposition": "top center"}
    return {"type": "scatter", "mode": "markers+text", "marker": ring, "hoverinfo": "skip", **point}


def _lines(found: Comparison) -> dict[tuple[str, str], list[Candidate]]:
    """Candidates of one method and reduction."""
    lines: dict[tuple[str, str], list[Candidate]] = {}
    for one in found.candidates:
        lines.setdefault((one.spec.method, one.spec.reduction), []).append(one)
    return lines


def _against(found: Comparison) -> Figure:
    known = [one for one in found.candidates if one.figures.spend is not None]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [one.figures.stability for one in known],
        "y": [one.figures.spend for one in known],
        "text": [one.id for one in known],
        "marker": {"color": [_HUES[one.spec.method] for one in known], "size": 9},
        "hovertemplate": "%{text}<extra></extra>",
    }
    best = [one for one in known if one.id == found.recommended]
    rings = [_ring(one.figures.stability, one.figures.spend or 0.0, one.id) for one in best]
    across: Figure = {"fixedrange": True, "zeroline": False, "tickformat": ".1f"}
    across |= {"title": {"text": "stability"}}
    return {"data": [dots, *rings], "layout": _frame(across, y_axis(".1%"))}


def _distances(curve: Sequence[float]) -> Figure:
    line = {"type": "scatter", "mode": "lines", "y": list(curve), "line": {"color": INK}}
    across = {"fixedrange": True, "showticklabels": False, "showgrid": False}
    return {"data": [line], "layout": _frame(across, y_axis(".1f"))}


def _frame(across: Figure, up: Figure) -> Figure:
    up = {**up, "rangemode": "normal"}
    return layout(_HEIGHT, margin=margin(50, 12, 24, 40), xaxis=across, yaxis=up)
