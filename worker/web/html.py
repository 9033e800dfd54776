"""Small pieces of HTML. Whatever is text is escaped here, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1d2a33;--soft:#5c6f7b;--line:#d9e1e6;--back:#f6f8f9;
--card:#fff;--link:#0b5c8a;--good:#1c7c54;--bad:#b3261e;--tint:#e8f1f5}
@media(prefers-color-scheme:dark){:root{--ink:#e3eaee;--soft:#93a4af;--line:#2c3a43;--back:#12191d;
--card:#192227;--link:#7cc0e8;--good:#5ec297;--bad:#f2857d;--tint:#21303a}}
*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 4rem;
background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.4rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
h3{font-size:.95rem;margin:1.4rem 0 .4rem;color:var(--soft);font-weight:600}
p{margin:.3rem 0}small,.soft{color:var(--soft)}code{background:var(--tint);padding:.1em .35em;
border-radius:4px;font-size:.88em;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}
.figure,.card{background:var(--card);border:1px solid var(--line);
border-radius:8px;padding:.7rem .9rem}
.card{margin:.6rem 0}.figure b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}
.figure span{color:var(--soft);font-size:.85rem}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}th{text-align:left;color:var(--soft);
font-weight:600}th,td{padding:.35rem .7rem .35rem 0;border-bottom:1px solid var(--line);
vertical-align:top}.number{text-align:right;font-variant-numeric:tabular-nums}
.short{white-space:nowrap}.small{font-size:.85rem;padding:.15rem .5rem}
.deeper{padding-left:1.2rem}a{color:var(--link)}
@media(max-width:40rem){.wide table,.wide tbody,.wide tr,.wide td{display:block}
.wide tr:has(th){display:none}.wide tr{border-bottom:1px solid var(--line);padding:.4rem 0}
.wide td:empty{display:none}.wide td{border:0;white-space:normal;padding:.1rem 0;
text-align:left;overflow-wrap:anywhere}
.wide td[data-name]:not([data-name=""])::before{content:attr(data-name) ": ";color:var(--soft)}}
.good{color:var(--good)}.bad{color:var(--bad)}ul{margin:.3rem 0;padding-left:1.2rem}
form{display:flex;flex-wrap:wrap;gap:.5rem}input,select,button{font:inherit;padding:.4rem .6rem;
border:1px solid var(--line);border-radius:6px;background:var(--card);color:inherit;min-width:0}
input{flex:1 1 14rem}button{background:var(--tint);cursor:pointer}
"""


_SHORT: Final = 20  # characters that stand on one line


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(value: object) -> Html:
    """A value as HTML: escaped unless it is HTML already."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


def element(name: str, *parts: object, kind: str = "") -> Html:
    """An element with an optional class around parts."""
    inner = "".join(map(html, parts))
    marked = f' class="{escape(kind)}"' if kind else ""
    return Html(f"<{name}{marked}>{inner}</{name}>")


def together(parts: Iterable[object]) -> Html:
    """Parts one after the other."""
    return Html("".join(map(html, parts)))


def figures(pairs: Iterable[tuple[str, object]]) -> Html:
    """Numbers with what they count."""
    return element(
        "div",
        *(
            element("div", element("b", _written(value)), element("span", name), kind="figure")
            for name, value in pairs
        ),
        kind="figures",
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], nothing: str) -> Html:
    """A table whose rows become lists where it is too wide; a sentence when it is empty."""
    shown = list(rows)
    if not shown:
        return element("p", nothing, kind="soft")
    head = element(
        "tr",
        *(element("th", name, kind=_kind(one)) for name, one in zip(heads, shown[0], strict=True)),
    )
    body = [
        element("tr", *(_cell(name, one) for name, one in zip(heads, row, strict=True)))
        for row in shown
    ]
    return element("div", element("table", head, *body), kind="wide")


def listed(items: Iterable[object]) -> Html:
    """A list; nothing when there are no items."""
    found = [element("li", item) for item in items]
    return element("ul", *found) if found else Html("")


def code(text: str) -> Html:
    """A command."""
    return element("code", text)


def page(title: str, body: Html, *, refresh: int = 0) -> str:
    """A whole page, refreshed every so many seconds (0: never)."""
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{again}<title>{html(title)}</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>"
    )


def hidden(**values: object) -> Html:
    """What a form sends without showing it."""
    return together(
        Html(f'<input type="hidden" name="{html(name)}" value="{html(value)}">')
        for name, value in values.items()
    )


def _cell(name: str, value: object) -> Html:
    # On a narrow screen the row is a list, and the name stands before the value.
    return Html(f'<td class="{_kind(value)}" data-name="{html(name)}">{html(_written(value))}</td>')


def _kind(value: object) -> str:
    if isinstance(value, int | float):
        return "number"
    return "short" if isinstance(value, str) and len(value) <= _SHORT else ""


def _written(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value
