"""The customer exports that are known by their headers, and what their cells mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from worker.cells import FileRefused
from worker.sheets import Sheet
from worker.trying.dialects import normal

# Who somebody is, in coarse values; of a birthday the year.
WHO: Final = {
    "age": ("age", "alter"),
    "birth_year": ("birth_year", "year_of_birth", "geburtsjahr"),
    "gender": ("gender", "sex", "geschlecht"),
    "income_band": ("income_band",),
    "education": ("education", "bildung"),
    "occupation": ("occupation", "beruf"),
    "household_size": ("household_size",),
    "region": ("region",),
}
CHANNELS: Final = ("email", "sms", "push")
PERSONAL: Final = ("first_name", "last_name", "name", "phone", "birthday", "address")
_CONSENTS: Final = tuple(f"consent.{one}" for one in CHANNELS)
OURS: Final = (
    *("customer_id", "email", *PERSONAL, "time_zone", *WHO),
    *_CONSENTS,
    *(f"{one}.at" for one in _CONSENTS),
    "suppressed",
)
_YES: Final = frozenset(
    {
        *(
            "yes",
            "y",
            "true",
            "1",
            "on",
            "subscribed",
            "subscribe",
            "opted_in",
            "granted",
            "ja",
            "oui",
        )
    }
)
_NO: Final = frozenset(
    {
        *(
            "no",
            "n",
            "false",
            "0",
            "off",
            "unsubscribed",
            "unsubscribe",
            "opted_out",
            "denied",
            "nein",
        )
    }
)
# Klaviyo suppresses those who unsubscribed with this reason.
_LEFT: Final = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Export:
    """A tool's export: what must be among its normalised headers, and which mean what."""

    name: str
    needs: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    note: str = ""


_NAMES: Final = {
    "email": ("email", "e_mail", "email_address"),
    "first_name": ("first_name", "firstname", "vorname"),
    "last_name": ("last_name", "lastname", "nachname", "surname"),
    "phone": ("phone_number", "phone", "mobile", "telefon"),
    "birthday": ("birthday", "date_of_birth", "birthdate", "geburtstag"),
    "time_zone": ("time_zone", "timezone"),
    **WHO,
}
EXPORTS: Final = (
    Export(
        "klaviyo",
        ("email", "email_marketing_consent"),
        {
            **_NAMES,
            "customer_id": ("shopify_customer_id", "customer_id", "external_id"),
            "consent.email": ("email_marketing_consent",),
            "consent.email.at": ("email_marketing_consent_timestamp",),
            "consent.sms": ("sms_marketing_consent",),
            "consent.sms.at": ("sms_marketing_consent_timestamp",),
            "suppressed": ("email_suppressions", "suppressed"),
        },
    ),
    Export(
        "klaviyo",
        ("email", "suppression_reason"),
        {"email": ("email",), "suppressed": ("suppression_reason",)},
    ),
    Export(
        "mautic",
        ("firstname", "lastname", "email"),
        {
            **_NAMES,
            "suppressed": ("donotcontact", "donotemail", "do_not_contact", "dnc"),
        },
        "Mautic's export says who must not be contacted and not who agreed: consent stays "
        "unknown, which is no",
    ),
    Export(
        "shopify",
        ("customer_id", "accepts_email_marketing"),
        {
            **_NAMES,
            "customer_id": ("customer_id",),
            "consent.email": ("accepts_email_marketing",),
            "consent.sms": ("accepts_sms_marketing",),
        },
    ),
)
_OTHER: Final = Export(
    "file",
    (),
    {
        **_NAMES,
        "customer_id": ("customer_id", "customerid", "id", "kundennummer"),
        "consent.email": ("consent_email", "email_consent", "newsletter", "accepts_marketing"),
        "consent.email.at": ("consent_email_at", "email_consent_at", "consent_date"),
        "consent.sms": ("consent_sms", "sms_consent"),
        "consent.sms.at": ("consent_sms_at", "sms_consent_at"),
        "suppressed": ("suppressed", "do_not_contact", "blocked", "unsubscribed_all"),
    },
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whose export a file is, and ours -> the place of the column in a row."""

    source: str
    places: Mapping[str, int]
    note: str = ""


def meaning_of(sheet: Sheet, mapping: str, attributes: Sequence[str]) -> Meaning:
    """What the columns of a customer file mean.

    Parameters
    ----------
    mapping
        ``email=Mail,consent.email=Newsletter``; overrules what the headers say.
    attributes
        The store's declared attributes, taken by their names.

    Raises
    ------
    FileRefused
        If it names neither an id nor an e-mail, or the mapping cannot be used.
    """
    there = {normal(name): at for at, name in reversed(list(enumerate(sheet.header)))}
    export = next((one for one in EXPORTS if all(need in there for need in one.needs)), _OTHER)
    places = {
        ours: there[name]
        for ours, names in export.columns.items()
        for name in reversed(names)
        if name in there
    }
    places |= {name: there[normal(name)] for name in attributes if normal(name) in there}
    places |= _mapped(sheet, mapping, attributes)
    if not {"customer_id", "email"} & places.keys():
        message = (
            f"{sheet.path}: which column is the customer's id or e-mail? There are "
            f"{', '.join(sheet.header)}. Say it with: --map email=COLUMN"
        )
        raise FileRefused(message)
    return Meaning(export.name, places, export.note)


def _mapped(sheet: Sheet, mapping: str, attributes: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    known = (*OURS, *attributes)
    for part in filter(None, (one.strip() for one in mapping.split(","))):
        ours, _, theirs = part.partition("=")
        if ours not in known:
            near = get_close_matches(ours, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            message = f"--map {part!r}: expected one of {', '.join(known)}, as NAME=COLUMN{hint}"
            raise FileRefused(message)
        if theirs not in sheet.header:
            near = get_close_matches(theirs, sheet.header, 1)
            hint = f"; did you mean {ours}={near[0]}?" if near else ""
            message = f"--map {part!r}: no such column; there are {', '.join(sheet.header)}{hint}"
            raise FileRefused(message)
        places[ours] = sheet.header.index(theirs)
    return places


def consent(text: str) -> bool | None:
    """Yes, no, or None: unknown, which counts as no."""
    word = normal(text)
    if word in _YES:
        return True
    return False if word in _NO else None


def is_suppressed(text: str) -> bool:
    """Whether a cell says never to contact; having unsubscribed is a no to e-mail alone."""
    word = normal(text)
    return bool(word) and word not in _NO and word != _LEFT


def has_left(text: str) -> bool:
    """Whether a suppression's reason is that the person unsubscribed."""
    return normal(text) == _LEFT
