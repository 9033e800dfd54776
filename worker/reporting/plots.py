"""What the report's pictures have in common, as Plotly takes it: layout, axes, notes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from segmentation.wording import Words
from segmentation.wording_report import short_date
from worker.reporting.look import FONT, INK, LINE

Figure = dict[str, Any]
"""Data and layout, or a part of them."""

_TICKS: Final = 4


def days_axis(words: Words, days: Sequence[datetime]) -> Figure:
    """A few days in the reader's language; Plotly's own months are English."""
    step = max((len(days) - 1) // _TICKS, 1)
    told = [day.astimezone(UTC) for day in days[step // 2 :: step]]
    return {
        "type": "date",
        "fixedrange": True,
        "showgrid": False,
        "hoverformat": "%Y-%m-%d",
        "tickvals": [f"{day:%Y-%m-%d}" for day in told],
        "tickangle": 0,
        "ticktext": [short_date(words, day) for day in told],
    }


def y_axis(form: str) -> Figure:
    """An axis of numbers from nothing on, in d3's format."""
    return {
        "fixedrange": True,
        "rangemode": "tozero",
        "gridcolor": LINE,
        "zerolinecolor": LINE,
        "tickformat": form,
        "automargin": True,
        "nticks": 6,
    }


def note(text: str, x: object, y: float, **more: object) -> Figure:
    """A text at a place of the picture; escaped, for Plotly reads some HTML in it."""
    plain = {"text": escape(text, quote=False), "x": x, "y": y, "showarrow": False}
    return {**plain, "font": font(INK), **more}


def font(colour: str) -> Figure:
    """The letters of notes."""
    return {"family": FONT, "size": 13, "color": colour}


def margin(left: int, right: int, top: int, bottom: int) -> Figure:
    """The room around a picture, in pixels."""
    return {"l": left, "r": right, "t": top, "b": bottom}


def layout(height: int, **more: object) -> Figure:
    """A bare picture as wide as its place, that nobody can drag."""
    return {
        "height": height,
        "autosize": True,
        "showlegend": False,
        "dragmode": False,
        "font": font(INK),
        "margin": margin(44, 12, 24, 34),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        **more,
    }


def script_json(value: Mapping[str, Figure]) -> str:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
