"""Pieces of the report's HTML; text is escaped by `worker.web.html`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from segmentation.rules import STAGES
from segmentation.wording import Words
from segmentation.wording_groups import stage_words
from worker.reporting.look import COLOURS, LIGHTS, SIGNS
from worker.reporting.plots import Figure
from worker.web.html import Html, element, html, together


class Section(msgspec.Struct, frozen=True):
    """A part of the page: its id, what links call it, heading, body, and its pictures by name."""

    id: str
    link: str
    title: str
    body: Html
    figures: Mapping[str, Figure] = msgspec.field(default_factory=dict)


def paragraph(text: object, kind: str = "") -> Html:
    """A sentence or a few."""
    return element("p", text, kind=kind)


def sentence(text: str) -> str:
    """A text that begins with a capital letter, in languages that have them."""
    return text[:1].upper() + text[1:]


def toned(name: str, colour: str, *parts: object, kind: str = "") -> Html:
    """An element with a colour of its own, which its style calls ``--tone``."""
    inner = together(parts)
    return Html(f'<{name} class="{html(kind)}" style="--tone:{html(colour)}">{inner}</{name}>')


def swatch(stage: str) -> Html:
    """The colour of a stage, beside which its name stands."""
    return toned("span", COLOURS.get(stage, COLOURS[""]), kind="swatch")


def named(words: Words, stage: str, name: str = "") -> Html:
    """A stage's colour and name, or another ``name`` for one of its groups."""
    return element("span", swatch(stage), name or stage_words(words, stage), kind="named")


def plot(name: str, title: str, figure: Figure) -> Html:
    """The place of a picture; ``title`` is read to those who cannot see it."""
    height = figure["layout"]["height"]
    return Html(
        f'<div class="plot" id="plot-{html(name)}" role="img" aria-label="{html(title)}" '
        f'style="height:{height}px"></div>'
    )


def light(colour: str, verdict: str, *parts: object) -> Html:
    """A traffic light: a colour, a sign, a word, and sentences."""
    head = element("b", f"{SIGNS[colour]} {verdict}")
    return toned("div", LIGHTS[colour], head, *parts, kind="light")


def grid(heads: Sequence[object], rows: Iterable[Sequence[object]], texts: int = 1) -> Html:
    """A table of numbers; the first ``texts`` columns are words."""
    top = element("tr", *(_head(at, text, texts) for at, text in enumerate(heads)))
    body = [
        element("tr", *(element("td", cell, kind=_kind(at, texts)) for at, cell in enumerate(row)))
        for row in rows
    ]
    return element("div", element("table", top, *body), kind="wide")


def _head(at: int, text: object, texts: int) -> Html:
    return element("th", text, kind=_kind(at, texts))


def _kind(at: int, texts: int) -> str:
    return "" if at < texts else "number"


def legend(words: Words, stages: Iterable[str] = STAGES) -> Html:
    """The stages with their colours, in a line."""
    return element("p", *(named(words, stage) for stage in stages), kind="soft legend")
