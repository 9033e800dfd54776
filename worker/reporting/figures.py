"""The report's pictures as Plotly takes them: plain dictionaries, so that nothing is imported.

Whatever is text is escaped, for Plotly reads some HTML in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import escape
from itertools import accumulate
from typing import Final

import numpy as np

from connectors.events import moment
from segmentation.rules import STAGES, Floats
from segmentation.wording import Words, number, share
from segmentation.wording_groups import stage_words
from segmentation.wording_report import axis_words
from worker.reporting.content import Axis, Flows, History, Picture, StageFigures
from worker.reporting.look import COLOURS, INK, LINE, SYMBOLS
from worker.reporting.plots import Figure, days_axis, font, layout, margin, note, y_axis

_LABELLED: Final = 0.06  # of the whole height, below which a band bears no name
_GREY: Final = "#8d979f"
_PLATE: Final[Figure] = {"bgcolor": "rgba(255,255,255,.85)", "borderpad": 2}
_NEAR: Final = (0.3, 0.06)  # of width and height of the map, within which names collide
_PAD: Final = 14  # pixels between the bands of a flow


def sizes(words: Words, found: History, now: int) -> Figure:
    """Stages over time, one upon the other, the best on top."""
    days = [moment(now) - timedelta(days=ago) for ago in found.days]
    x = [f"{day:%Y-%m-%d}" for day in days]
    marked = [f"{moment(now) - timedelta(days=mark.ago):%Y-%m-%d}" for mark in found.marks]
    numbers = [
        note(str(at), day, 1.0, yref="paper", yanchor="bottom", bgcolor=INK, font=font("#fff"))
        for at, day in enumerate(marked, 1)
    ]
    across = {**days_axis(words, days), "range": [x[0], x[-1]]}
    frame = layout(380, xaxis=across, yaxis=y_axis(",d"))
    frame |= {"annotations": [*_names(words, found, x[-1]), *numbers], "hovermode": "x unified"}
    frame |= {"shapes": [_upright(day) for day in marked]}
    return {"data": [_band(words, found, stage, x) for stage in reversed(STAGES)], "layout": frame}


def _band(words: Words, found: History, stage: str, x: Sequence[str]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "stackgroup": "one",
        "name": stage_words(words, stage),
        "x": list(x),
        "y": list(found.sizes[stage]),
        "line": {"width": 0.8, "color": "#fff"},
        "fillcolor": COLOURS[stage],
        "hovertemplate": "%{fullData.name}: %{y:,.0f}<extra></extra>",
    }


def _names(words: Words, found: History, at: str) -> list[Figure]:
    """The names of the bands at their end, where they are high enough to bear them."""
    last = {stage: found.sizes[stage][-1] for stage in reversed(STAGES)}
    tops = dict(zip(last, accumulate(last.values()), strict=True))
    highest = max(*map(sum, zip(*found.sizes.values(), strict=True)), 1)
    return [
        note(stage_words(words, stage), at, tops[stage] - size / 2, xanchor="right", **_PLATE)
        for stage, size in last.items()
        if size >= _LABELLED * highest
    ]


def _upright(day: str) -> Figure:
    line = {"dash": "dash", "width": 1.5, "color": INK}
    ends = {"x0": day, "x1": day, "y0": 0, "y1": 1, "yref": "paper"}
    return {"type": "line", "line": line, **ends}


def flows(words: Words, found: Flows) -> Figure:
    """Who went from which stage to which, as bands."""
    befores = [stage for stage in ("", *STAGES) if any(one.before == stage for one in found.flows)]
    afters = [stage for stage in STAGES if any(one.after == stage for one in found.flows)]
    out = [sum(one.moves for one in found.flows if one.before == stage) for stage in befores]
    into = [sum(one.moves for one in found.flows if one.after == stage) for stage in afters]
    names = [
        f"{stage_words(words, stage) if stage else words.say('First order')} · {number(moves)}"
        for stage, moves in zip([*befores, *afters], [*out, *into], strict=True)
    ]
    height = max(300, 70 * max(len(befores), len(afters)))
    node = {
        "label": [escape(name, quote=False) for name in names],
        "color": [COLOURS[stage] for stage in (*befores, *afters)],
        "x": [0.001] * len(befores) + [0.999] * len(afters),
        "y": [*_middles(out, height), *_middles(into, height)],
        "pad": _PAD,
        "thickness": 18,
        "line": {"color": "#0004", "width": 0.5},
        "hovertemplate": "%{label}<extra></extra>",
    }
    link = {
        "source": [befores.index(one.before) for one in found.flows],
        "target": [len(befores) + afters.index(one.after) for one in found.flows],
        "value": [one.moves for one in found.flows],
        "color": [f"{COLOURS[one.before]}80" for one in found.flows],
        "hovertemplate": "%{source.label} → %{target.label}: %{value:,d}<extra></extra>",
    }
    trace = {
        "type": "sankey",
        "arrangement": "fixed",
        "node": node,
        "link": link,
        "textfont": {"size": 13, "color": INK},
    }
    return {"data": [trace], "layout": layout(height, margin=margin(8, 8, 12, 12))}


def _middles(values: Sequence[int], height: int) -> list[float]:
    """Where the middles of blocks lie that stand one upon the other, from 0 to 1."""
    gap = _PAD / height
    room = 1 - gap * (len(values) - 1)
    total = max(sum(values), 1)
    ends = list(accumulate(value / total * room + gap for value in values))
    return [
        min(max(end - gap - value / total * room / 2, 0.001), 0.999)
        for end, value in zip(ends, values, strict=True)
    ]


def plane(words: Words, found: Picture) -> Figure:
    """The map: a dot a customer, the name of a stage where its middle is."""
    stages = np.array(found.stages, dtype=str)
    x, y = np.array(found.x), np.array(found.y)
    rows = {stage: stages == stage for stage in STAGES if (stages == stage).any()}
    traces = [_dots(words, stage, x[here], y[here]) for stage, here in rows.items()]
    middles = {
        stage: (float(np.median(x[here])), float(np.median(y[here])))
        for stage, here in rows.items()
    }
    spread = (float(np.ptp(x)) or 1.0, float(np.ptp(y)) or 1.0)
    notes = [
        note(stage_words(words, stage), *place, **_PLATE, bordercolor=COLOURS[stage])
        for stage, place in _apart(middles, spread).items()
    ]
    bare: Figure = {
        "showticklabels": False,
        "zeroline": False,
        "showgrid": False,
        "fixedrange": True,
    }
    bare |= {"showline": True, "mirror": True, "linecolor": LINE}
    right = {"title": {"text": _arrow(words, found.right), "standoff": 8}}
    up = {"title": {"text": _arrow(words, found.up), "standoff": 8}}
    frame = layout(520, margin=margin(34, 8, 8, 44), xaxis={**bare, **right}, yaxis={**bare, **up})
    frame |= {"annotations": notes, "hovermode": "closest"}
    return {"data": traces, "layout": frame}


def _dots(words: Words, stage: str, x: Floats, y: Floats) -> Figure:
    line = {"width": 0.5, "color": "#fff"}
    look = {"color": COLOURS[stage], "symbol": SYMBOLS[stage], "size": 7, "opacity": 0.75}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": stage_words(words, stage),
        "x": x.tolist(),
        "y": y.tolist(),
        "marker": {**look, "line": line},
        "hovertemplate": "%{fullData.name}<extra></extra>",
    }


def _apart(
    places: Mapping[str, tuple[float, float]], spread: tuple[float, float]
) -> dict[str, tuple[float, float]]:
    """Places of names, each so far above those below it that they can be read."""
    wide, high = _NEAR[0] * spread[0], _NEAR[1] * spread[1]
    found: dict[str, tuple[float, float]] = {}
    for stage, (x, y) in sorted(places.items(), key=lambda pair: pair[1][1]):
        below = [its[1] + high for its in found.values() if abs(its[0] - x) < wide]
        found[stage] = (x, max([y, *below]))
    return found


def _arrow(words: Words, axis: Axis) -> str:
    told = axis_words(words, axis.more, axis.less)[:2]
    return escape(f"{words.enumerated(told)} →", quote=False)


def spending(words: Words, found: Sequence[StageFigures]) -> Figure:
    """Each stage's share of the customers beside its share of the sales."""
    shown = [one for one in reversed(found) if one.customers]
    names = [stage_words(words, one.id) for one in shown]
    of_all = words.say("Share of customers")
    of_sales = words.say("Share of sales")
    people = [one.share for one in shown]
    money = [one.spent_share for one in shown]
    hatched = {"shape": "/", "fgcolor": _GREY, "bgcolor": "#eef1f3", "size": 6, "solidity": 0.4}
    pattern = {"color": _GREY, "pattern": hatched}
    coloured = {"color": [COLOURS[one.id] for one in shown]}
    traces = [
        _bar(of_all, names, people, {**pattern, "line": {"color": "#7d8890", "width": 1}}),
        _bar(of_sales, names, money, {**coloured, "line": {"color": INK, "width": 0.6}}),
    ]
    most = max([*people, *money, 0.01])
    frame = layout(64 * max(len(shown), 2) + 50, margin=margin(8, 8, 8, 8))
    frame |= {
        "barmode": "group",
        "bargap": 0.28,
        "xaxis": {"visible": False, "range": [0, most * 1.18], "fixedrange": True},
        "yaxis": {"automargin": True, "fixedrange": True, "ticklabelstandoff": 6},
        "hovermode": False,
    }
    return {"data": traces, "layout": frame}


def _bar(name: str, y: Sequence[str], x: Sequence[float], marker: Figure) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": list(x),
        "y": list(y),
        "text": [share(value) for value in x],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": marker,
    }


def weeks(words: Words, found: History, now: int) -> Figure:
    """Of a hundred customers, how many changed group by themselves, week by week."""
    count = len(found.weekly)
    days = [moment(now) - timedelta(days=7 * (count - at)) for at in range(count)]
    trace = {
        "type": "bar",
        "x": [f"{day:%Y-%m-%d}" for day in days],
        "y": [round(100 * value, 2) for value in found.weekly],
        "marker": {"color": COLOURS["champions"]},
        "hovertemplate": "%{y:.1f}%<extra></extra>",
    }
    frame = layout(220, xaxis=days_axis(words, days), yaxis={**y_axis(""), "ticksuffix": "%"})
    return {"data": [trace], "layout": frame}
