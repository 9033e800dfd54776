"""``shoal features export --anonymous``: figures of customers whom nobody can be taken for.

Each row gets a random id and a random place. Of who somebody is only bands of ten years, a region
and the other demographic fields are told, and of these nothing that fewer than k share
(:mod:`segmentation.anonymity`). Of figures, times become months, spans of days multiples of thirty,
amounts and counts two significant digits and shares tenths; what would tell a time of day or count
down from a day (habits, decayed sums) is left out. Customers are read and written a page at a time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, func, or_, select

from connectors.demographics import EDUCATION, INCOME_BANDS
from connectors.demographics import coarse as coarse_person
from connectors.events import moment
from connectors.records import exponent
from segmentation import running
from segmentation.anonymity import UNKNOWN, Identifier, Step, anonymised, identifier
from segmentation.features import DEMOGRAPHIC, FEATURES, Feature
from worker import bulk, models
from worker.legible import decoded
from worker.roster import records_of
from worker.shop import Shop

PAGE: Final = 20_000  # customers
MONTH: Final = 30  # days
_people: Final = models.customers.c
_OLDEST: Final = 90
_LARGE: Final = 5  # people in a household and more
# ISCED 2011's own grouping: low is 0 to 2, medium 3 and 4.
_LOW: Final = 2
_MEDIUM: Final = 4
# They tell when something was: a time of day, or a sum that halves from a day on.
_TELLING: Final = re.compile(r"_\d+d$|^preferred_|_focus$|_variance$|^gap_")
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Made:
    """What came of an export.

    Attributes
    ----------
    widened
        By field, for how many customers it was widened or left out.
    left_out
        Customers who are not in it at all.
    """

    customers: int = 0
    widened: dict[str, int] = field(default_factory=dict)
    left_out: int = 0


def told_features() -> tuple[Feature, ...]:
    """The features that an anonymous export tells, coarsened."""
    return tuple(
        one for one in FEATURES if one.name not in DEMOGRAPHIC and not _TELLING.search(one.name)
    )


def anonymous_tables(
    connection: Connection, shop: Shop, least: int, made: Made
) -> Iterator[pd.DataFrame]:
    """The export in pages, in random order; ``made`` is filled before the first.

    Parameters
    ----------
    least
        How many customers must share what is told of one: k.
    """
    ids, identifiers = _people_told(connection, shop)
    if not len(ids):
        return
    done = anonymised(identifiers, least)
    made.widened, made.left_out = done.widened, done.left_out
    kept = np.random.default_rng(secrets.randbits(128)).permutation(np.flatnonzero(done.kept))
    made.customers = len(kept)
    for begin in range(0, len(kept), PAGE):
        chosen = kept[begin : begin + PAGE]
        yield _page(connection, shop, ids[chosen], done.labels(chosen))


def _people_told(
    connection: Connection, shop: Shop
) -> tuple[npt.NDArray[np.int64], list[Identifier]]:
    """Everybody but visitors, and what may be known of them."""
    ids: list[int] = []
    told: dict[str, list[str]] = {name: [] for name in _STEPS}
    year, (last, end) = moment(shop.now).year, shop.ids
    while True:
        rows = connection.execute(
            select(_people.id, _people.attributes)
            .where(
                # By the key alone: see `buyers.pages`.
                _people.id > last,
                _people.id < end,
                or_(_people.platform_id != "", _people.is_known),
                func.coalesce(_people.merged_into, 0) == 0,
            )
            .order_by(_people.id)
            .limit(PAGE)
        ).all()
        if not rows:
            break
        last = int(rows[-1].id)
        for row in rows:
            ids.append(int(row.id))
            for name, label in _labels(row.attributes, year).items():
                told[name].append(label)
    return np.array(ids, np.int64), [
        identifier(name, values, _STEPS[name]) for name, values in told.items()
    ]


@lru_cache(maxsize=4096)
def _labels(attributes: str, year: int) -> dict[str, str]:
    """What is told of somebody at the finest: these names always, unknown where nobody says."""
    said = dict(decoded(attributes) or {})
    if "birth_year" not in said and (band := re.match(r"\D*(\d{1,3})", str(said.get("age_band")))):
        said["birth_year"] = year - int(band[1])
    known = coarse_person(said)
    born = known.get("birth_year")
    people = known.get("household_size")
    level = known.get("education")
    income = known.get("income_band")
    return {
        "age": UNKNOWN if born is None else _decade(year - int(born)),
        "region": str(known.get("region", UNKNOWN)),
        "gender": str(known.get("gender", UNKNOWN)),
        "income_band": UNKNOWN if income is None else INCOME_BANDS[int(income) - 1],
        "education": UNKNOWN if level is None else EDUCATION[int(level)],
        "occupation": str(known.get("occupation", UNKNOWN)),
        "household": UNKNOWN if people is None else str(min(int(people), _LARGE)),
    }


def _decade(age: int) -> str:
    low = age // 10 * 10
    return UNKNOWN if age < 0 else f"{_OLDEST}+" if low >= _OLDEST else f"{low}-{low + 9}"


def _twenty(text: str) -> str:
    low = int(re.findall(r"\d+", text)[0]) // 20 * 20
    return f"{low}-{low + 19}" if low < _OLDEST - 10 else f"{_OLDEST - 10}+"


def _country(text: str) -> str:
    """Of ISO 3166-2, such as ``DE-BY``, what stands before the hyphen."""
    return text.partition("-")[0]


def _schooling(text: str) -> str:
    level = EDUCATION.index(text)
    return "low" if level <= _LOW else "medium" if level <= _MEDIUM else "high"


def _income(text: str) -> str:
    return {"low": "below", "lower_middle": "below", "middle": "middle"}.get(text, "above")


def _household(text: str) -> str:
    return "1" if text == "1" else "2+"


# Every field that is told, and how it is widened, one step after the other.
_STEPS: Final[Mapping[str, Sequence[Step]]] = {
    "age": (_twenty,),
    "region": (_country,),
    "gender": (),
    "income_band": (_income,),
    "education": (_schooling,),
    "occupation": (),
    "household": (_household,),
}


def _page(
    connection: Connection,
    shop: Shop,
    ids: npt.NDArray[np.int64],
    labels: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    rows = bulk.select_keys(
        connection, models.customers, ("id", "record"), "id", [int(one) for one in ids]
    )
    packed = {int(one): bytes(record) for one, record in rows}
    whose = [int(one) for one in ids]
    records = records_of(connection, shop.number, whose, [packed[one] for one in whose])
    every = told_features()
    names = tuple(one.name for one in every)
    values = running.derive(
        records, shop.now, names=names, currency_exponent=exponent(shop.currency)
    )
    return pd.DataFrame(
        {
            "id": [secrets.token_hex(8) for _ in ids],
            **labels,
            **{one.name: coarse(one.unit, values[one.name]) for one in every},
        }
    )


def coarse(unit: str, values: Floats) -> Any:
    """A feature's column without what is fine in it; undefined stays undefined."""
    if unit == "time":
        # A month, as text: 2011-12.
        months = pd.Series(pd.to_datetime(values, unit="us")).dt.strftime("%Y-%m")
        return months.astype("string")
    if unit == "days":
        return np.round(values / MONTH) * MONTH
    if unit in {"share", "stars"}:
        return np.round(values, 1)
    return _two_digits(values)


def _two_digits(values: Floats) -> Floats:
    """Rounded to two significant digits."""
    size = np.where((values == 0) | ~np.isfinite(values), 1.0, np.abs(values))
    step = 10.0 ** (np.floor(np.log10(size)) - 1)
    rounded: Floats = np.round(values / step) * step
    return np.round(rounded, 6)
