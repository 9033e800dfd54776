"""``features.yaml``: a store's own features and what its groups are learned from, without code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from campaigns.documents import plain_data
from campaigns.errors import InvalidCampaign, Problem
from campaigns.forms import Field, Form, inside
from campaigns.kinds import (
    INVALID,
    Choice,
    ListOf,
    Named,
    Number,
    Words,
    YesNo,
    refuse,
    unknown_name,
)
from segmentation.constructed import MADE_OF, Constructed, Declared, Kind
from segmentation.features import BY_NAME, HALF_LIVES, OUTLIERS, SERIES, Impute, Range
from worker.definition_files import read_each
from worker.feature_kinds import Between, HalfLife, Made, Own, Unknown, half_life

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KINDS: Final[tuple[Kind, ...]] = ("ratio", "square", "trend")
MOST: Final = 20
"""Features of its own that a store may have."""


@dataclass(frozen=True)
class _Called:
    """What people call a feature, by language."""

    en: str = ""
    zh: str = ""


@dataclass(frozen=True)
class _Definition:
    """One entry of the file as it stands there."""

    ratio: tuple[str, ...] = ()
    square: str = ""
    trend: str = ""
    fast: int = 0
    slow: int = 0
    log: bool = False
    clip: Range | None = None
    outliers: Range | str | None = ""
    impute: Impute = "median"
    name: _Called = _Called()
    meaning: str = ""


def _sound(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What of an entry does not go together, whether its fields are right or not."""
    said = [name for name in _KINDS if name in node]
    # A misspelt word is told by itself; what was meant by it is not missing.
    if len(said) != 1 and (said or node.keys() <= _FIELDS.keys()):
        yield "", f"expected one of {', '.join(_KINDS)}, found {' and '.join(said) or 'none'}"
    ratio = node.get("ratio")
    if isinstance(ratio, list) and (len(ratio) != 2 or ratio[0] == ratio[1]):  # noqa: PLR2004 - above and below
        yield "ratio", "expected two different features: what is divided, and by what"
    fast, slow = (half_life(node[name]) if name in node else 0 for name in ("fast", "slow"))
    if "trend" in node and fast is not None and slow is not None and not 0 < fast < slow:
        listed = ", ".join(f"{days}d" for days in HALF_LIVES)
        yield "fast", f"expected fast and slow of {listed}, fast the shorter one"
    if "trend" not in node and {"fast", "slow"} & node.keys():
        yield "fast", "belongs to a trend"


@dataclass(frozen=True)
class _Entry:
    """A form whose fields are held against each other even where some of them are wrong."""

    form: Form

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """What the form makes of it, or ``INVALID``."""
        found = self.form.read(node, place, problems)
        wrong = list(_sound(node)) if isinstance(node, dict) else []
        problems += [Problem(inside(place, name) if name else place, text) for name, text in wrong]
        return INVALID if wrong else found

    def write(self, value: Any) -> Any:
        """As it stands in a file."""
        return self.form.write(value)

    def schema(self) -> dict[str, Any]:
        """What is accepted."""
        return self.form.schema()


_TEXT: Final = Words(r"[^\n]{1,200}", "a text of one line, at most 200 characters")
_CALLED: Final = Form(
    _Called,
    {"en": Field(_TEXT, "In English.", ""), "zh": Field(_TEXT, "In Chinese.", "")},
    short="en",
)
_FIELDS: Final = {
    "ratio": Field(ListOf(Made()), "What is divided, and by what.", ()),
    "square": Field(Made(), "What is multiplied by itself.", ""),
    "trend": Field(Choice(SERIES), "What is compared lately and before.", ""),
    "fast": Field(HalfLife(), "Half-life of what counts as lately.", 0),
    "slow": Field(HalfLife(), "Half-life of what counts as before.", 0),
    "log": Field(
        YesNo(), "Whether a model reads the logarithm of 1 + magnitude, with its sign.", False
    ),
    "clip": Field(Between(Number(-1e12, 1e12)), "Bounds by meaning.", None),
    "outliers": Field(
        Between(Number(0, 1), none=True),
        "Shares of the customers between whose values a model reads them as they are.",
        "",
    ),
    "impute": Field(Unknown(), "What an unknown value counts as.", "median"),
    "name": Field(_CALLED, "What people call it.", _Called()),
    "meaning": Field(_TEXT, "A sentence for people.", ""),
}
_DEFINITION: Final = _Entry(Form(_Definition, _FIELDS))


@dataclass(frozen=True)
class _Preparation:
    """How models read a feature of the catalogue; what is left out is as the catalogue says."""

    log: bool | None = None
    clip: Range | str | None = ""
    outliers: Range | str | None = ""
    impute: Impute | None = None
    scale: bool | None = None


def _says_something(one: _Preparation) -> Iterator[tuple[str, str]]:
    if one == _Preparation():
        yield "", f"expected at least one of {', '.join(_PREPARED_BY)}"


_PREPARED_BY: Final = {
    "log": Field(
        YesNo(), "Whether a model reads the logarithm of 1 + magnitude, with its sign.", None
    ),
    "clip": Field(Between(Number(-1e12, 1e12), none=True), "Bounds by meaning.", ""),
    "outliers": _FIELDS["outliers"],
    "impute": Field(Unknown(), "What an unknown value counts as.", None),
    "scale": Field(YesNo(), "Whether it is divided by how far customers differ in it.", None),
}
_SAYS_ITSELF: Final = "one of your own has log, clip, outliers and impute in its definition"
_PREPARATION: Final = Form(_Preparation, _PREPARED_BY, rule=_says_something)


@dataclass(frozen=True)
class _File:
    features: tuple[tuple[str, _Definition], ...] = ()
    learn_from: tuple[str, ...] = ()
    prepare: tuple[tuple[str, _Preparation], ...] = ()


_FILE: Final = Form(
    _File,
    {
        "features": Field(Named(Own(), _DEFINITION), "Features of the store's own, by name.", ()),
        "learn_from": Field(
            ListOf(Words("[a-z][a-z0-9_]*", "a feature's name, without `own.`"), unique=True),
            "Features that groups are learned from; left out: the default ones.",
            (),
        ),
        "prepare": Field(
            Named(Made("a number that a model reads", _SAYS_ITSELF), _PREPARATION),
            "How models read features of the catalogue, by name, where it is not as it says.",
            (),
        ),
    },
)


def read_file(path: Path) -> Declared:
    """What a file declares.

    Raises
    ------
    InvalidCampaign
        With every problem of the file.
    """
    return read_each([path], lambda text, at: load(text, str(at)))[0]


def load(text: str, path: str) -> Declared:
    """What a YAML or JSON text declares. Raises `InvalidCampaign` with every problem."""
    node = plain_data(text, path, "features")
    problems: list[Problem] = []
    found = _FILE.read(node, "", problems)
    problems += _between(node, {problem.place for problem in problems})
    if problems or not isinstance(found, _File):
        raise InvalidCampaign(path, problems)
    own = tuple(_constructed(name, one) for name, one in found.features)
    return Declared(own, found.learn_from, tuple(_prepared(*pair) for pair in found.prepare))


def _between(node: Mapping[str, Any], told: set[str]) -> Iterator[Problem]:
    """What its parts say of each other; of places that were told, nothing more."""
    features, names = node.get("features"), node.get("learn_from")
    own = [name for name in features if isinstance(name, str)] if isinstance(features, dict) else []
    if len(own) > MOST:
        yield Problem("features", f"expected at most {MOST}, found {len(own)}")
    if not isinstance(names, list):
        return
    said: list[Problem] = []
    for at, name in enumerate(names):
        place = f"learn_from[{at}]"
        if place in told:
            continue
        if name in BY_NAME and name not in MADE_OF:
            refuse("a number; this is a moment or a place on a circle", name, place, said)
        elif name not in {*MADE_OF, *own}:
            unknown_name(name, place, said, choices=(*sorted(own), *MADE_OF))
    yield from said
    if len(names) == 1:
        yield Problem("learn_from", "expected at least two features")


def _constructed(name: str, one: _Definition) -> Constructed:
    kind = next(kind for kind in _KINDS if getattr(one, kind))
    of, factor, clip = one.ratio or (one.square,), 1.0, one.clip
    if one.trend:
        of = (f"{one.trend}_{one.fast}d", f"{one.trend}_{one.slow}d")
        factor = one.slow / one.fast
        # Nobody can have done more lately than all that they ever did.
        clip = clip or (0.0, factor)
    usual = None if one.log or one.trend else OUTLIERS
    return Constructed(
        name,
        kind,
        of,
        factor,
        transform="log" if one.log else "none",
        clip=clip,
        impute=one.impute,
        outliers=usual if isinstance(one.outliers, str) else one.outliers,
        en=one.name.en,
        zh=one.name.zh,
        meaning=one.meaning,
    )


def _prepared(name: str, said: _Preparation) -> Constructed:
    """The catalogue's feature, by what is said."""
    usual = BY_NAME[name]
    transform, scaling = usual.transform, usual.scaling
    if said.log is not None:
        transform = "log" if said.log else "none"
    if said.scale is not None:
        scaling = "standardise" if said.scale else "none"
    return Constructed(
        name,
        "catalogue",
        (name,),
        transform=transform,
        clip=usual.clip if isinstance(said.clip, str) else said.clip,
        impute=usual.impute if said.impute is None else said.impute,
        outliers=usual.outliers if isinstance(said.outliers, str) else said.outliers,
        scaling=scaling,
    )


def features_schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    return {"$schema": _DIALECT, "title": "Shoal features", **_FILE.schema()}
