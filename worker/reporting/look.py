"""How the report looks: colours that the colour-blind tell apart, symbols, styles.

Source of the colours: Okabe & Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from typing import Final

COLOURS: Final = {
    "champions": "#0072b2",
    "loyal": "#56b4e9",
    "promising": "#009e73",
    "new": "#f0e442",
    "at_risk": "#e69f00",
    "hibernating": "#cc79a7",
    "lost": "#8a8f94",
    "": "#d5dbe0",
}
SYMBOLS: Final = {
    "champions": "star",
    "loyal": "circle",
    "promising": "triangle-up",
    "new": "diamond",
    "at_risk": "square",
    "hibernating": "triangle-down",
    "lost": "x",
}
FONT: Final = (
    "system-ui,-apple-system,'Segoe UI','Noto Sans','Noto Sans CJK SC','PingFang SC',"
    "'Microsoft YaHei',sans-serif"
)
INK: Final = "#1d2a33"
LINE: Final = "#d9e1e6"

STYLE: Final = f"""
:root{{color-scheme:light}}*{{box-sizing:border-box}}
body{{margin:0 auto;max-width:74rem;padding:1.2rem 1rem 3rem;background:#fff;color:{INK};
font:15px/1.5 {FONT}}}
h1{{font-size:1.5rem;margin:0;line-height:1.25}}h2{{font-size:1.2rem;margin:2rem 0 .3rem;
padding-top:.6rem;border-top:2px solid {INK}}}h3{{font-size:1rem;margin:1.2rem 0 .3rem}}
p{{margin:.35rem 0;max-width:60rem}}.soft{{color:#566873}}.lead{{font-size:1.02rem}}
code{{background:#eef3f6;padding:.1em .35em;border-radius:4px;font-size:.88em;
overflow-wrap:anywhere}}ul{{margin:.3rem 0;padding-left:1.2rem}}li{{margin:.15rem 0}}
.numbers{{display:flex;flex-wrap:wrap;gap:.4rem 2.2rem;margin:.5rem 0}}
.numbers b{{display:block;font-size:1.45rem;line-height:1.2;font-variant-numeric:tabular-nums}}
.numbers span{{color:#566873;font-size:.9rem}}
.cards{{display:grid;grid-template-columns:repeat(auto-fill,minmax(15.5rem,1fr));gap:.7rem;
margin:.9rem 0}}.card{{border:1px solid {LINE};border-top:6px solid var(--tone,{LINE});
border-radius:8px;padding:.55rem .8rem .7rem;break-inside:avoid}}
.card h3{{margin:0;font-size:1.02rem}}.card p,.card ul{{margin:.2rem 0;font-size:.88rem;
line-height:1.42}}
.card .todo{{background:#f3f6f8;border-radius:6px;padding:.4rem .55rem;margin-top:.45rem}}
.todo b{{display:block}}
.swatch{{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em;
background:var(--tone);border:1px solid #0004;vertical-align:-.05em}}
.named{{white-space:nowrap}}.heat .named{{white-space:normal}}
.legend .named{{display:inline-block;margin-right:1rem}}
.wide{{overflow-x:auto;margin:.6rem 0}}table{{border-collapse:collapse;font-size:.92rem;
min-width:100%}}th{{text-align:left;color:#566873;font-weight:600;vertical-align:bottom}}
.wide th{{min-width:3.8rem}}th,td{{padding:.32rem .7rem .32rem 0;border-bottom:1px solid {LINE}}}
td.number,th.number{{text-align:right;font-variant-numeric:tabular-nums}}
.heat td,.heat th{{padding:.4rem .5rem;border:2px solid #fff;background:var(--tone,transparent)}}
.heat th{{font-size:.84rem;line-height:1.25}}.heat td,
.heat th+th{{text-align:right}}.heat td{{white-space:nowrap}}
.heat th:first-child{{position:sticky;left:0;background:#fff;min-width:8.5rem;z-index:1;
color:{INK}}}.plot{{width:100%;margin:.4rem 0;break-inside:avoid}}
.pair{{display:grid;grid-template-columns:repeat(auto-fit,minmax(21rem,1fr));gap:0 1.5rem}}
.light{{border-left:10px solid var(--tone);background:#f3f6f8;border-radius:6px;
padding:.55rem .9rem;margin:.6rem 0}}.light b{{font-size:1.05rem}}
.tree,.tree ul{{list-style:none;padding-left:0}}.tree ul{{padding-left:1.1rem;
border-left:2px solid {LINE};margin:.1rem 0 .3rem .35rem}}.tree .way{{color:#566873}}
footer{{margin-top:2.5rem;border-top:1px solid {LINE};padding-top:.6rem;font-size:.88rem;
color:#566873}}section{{break-inside:auto}}
@media(max-width:40rem){{body{{padding:1rem .8rem 2rem}}.pair{{grid-template-columns:1fr}}
.numbers{{gap:.5rem 1.4rem}}}}
@media print{{:root{{font-size:12px}}body{{max-width:none;padding:0;font-size:11px}}
h2{{break-after:avoid}}
.cards{{grid-template-columns:repeat(4,1fr)}}.plot,.plot .svg-container{{width:100%!important}}
.plot .main-svg{{width:100%!important;height:100%!important}}
.wide{{overflow:visible}}nav{{display:none}}
*{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}}}
nav{{margin:.3rem 0 0;font-size:.85rem}}nav a{{color:#0b5c8a;margin-right:.8rem}}
"""

LIGHTS: Final = {"good": "#009e73", "look": "#e69f00", "act": "#d55e00", "unknown": "#8a8f94"}
SIGNS: Final = {"good": "✔", "look": "▲", "act": "■", "unknown": "○"}


def tint(effect: float) -> str:
    """A cell's background: bluer above the shop, more orange below it; white where alike."""
    strength = min(abs(effect) / 2, 1.0)
    if strength < 0.1:  # noqa: PLR2004 - a fifth of a deviation: no difference that is told
        return "transparent"
    red, green, blue = (0, 114, 178) if effect > 0 else (230, 159, 0)
    return f"rgba({red},{green},{blue},{0.12 + 0.38 * strength:.2f})"
