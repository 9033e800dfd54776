"""One HTML file with pictures: no address is asked, nothing is loaded, it prints on paper."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from worker.plotting import require_plotly
from worker.reporting.look import STYLE
from worker.reporting.plots import Figure, script_json
from worker.web.html import Html, html

_LANGUAGES: Final = {"en": "en", "zh": "zh-CN"}
# What is in the page may run and look as it says; nothing may be fetched or sent.
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)
# On paper the pictures are scaled as they are: drawn anew they might not be ready in time.
_DRAW: Final = """
const config={displayModeBar:false,responsive:true,showTips:false,doubleClick:false};
for(const [name,one] of Object.entries(PLOTS))
Plotly.newPlot("plot-"+name,one.data,one.layout,config);
const each=act=>document.querySelectorAll(".plot svg.main-svg").forEach(act);
addEventListener("beforeprint",()=>each(svg=>svg.setAttribute("viewBox",
`0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`)));
addEventListener("afterprint",()=>each(svg=>svg.removeAttribute("viewBox")));
"""


def document(title: str, body: Html, drawn: Mapping[str, Figure], language: str = "en") -> str:
    """A whole page; ``drawn`` are the pictures by the names of their places in ``body``.

    Raises
    ------
    PlotsMissing
        Where Plotly is not installed.
    """
    require_plotly()
    offline: Any = import_module("plotly.offline")  # an extra
    script = Html(
        f"<script>{offline.get_plotlyjs()}</script>"
        f"<script>const PLOTS={script_json(drawn)};{_DRAW}</script>"
        if drawn
        else ""
    )
    return (
        f'<!doctype html><html lang="{_LANGUAGES[language]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html(title)}</title><style>{STYLE}</style></head>"
        f"<body>{body}{script}</body></html>"
    )
