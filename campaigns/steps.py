"""What a campaign does: coupon, recommendation, tag or segment of the store, outgoing webhook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from campaigns.forms import Field, Form, Tagged
from campaigns.kinds import Choice, Number, Span, Words, YesNo

STEP_KINDS: Final = ("coupon", "recommend", "tag", "segment", "webhook")
LATER: Final = ("message", "wait_until", "wait", "branch", "price_drop", "email", "sms", "split")
Strategy = Literal["bought_together", "best_in_segment", "repeat_buys"]


@dataclass(frozen=True, slots=True)
class CouponStep:
    """A personal single-use discount. Money is in the store's main unit.

    Exactly one of ``percent_off`` and ``amount_off`` is set. ``prefix`` begins the code.
    """

    valid_for: timedelta
    percent_off: float | None = None
    amount_off: Decimal | None = None
    minimum_spend: Decimal = Decimal(0)
    maximum_discount: Decimal | None = None
    title: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class RecommendStep:
    """Products for one customer, by a strategy that falls back on the segment's best sellers."""

    strategy: Strategy
    count: int = 4


@dataclass(frozen=True, slots=True)
class TagStep:
    """A tag (or, by ``target``, a segment of the store) put on the customer or, removed."""

    name: str
    remove: bool = False
    target: Literal["tag", "segment"] = "tag"


@dataclass(frozen=True, slots=True)
class WebhookStep:
    """A signed request to a URL of the shop. ``secret`` is a setting's name, never the secret."""

    url: str
    secret: str


Step = CouponStep | RecommendStep | TagStep | WebhookStep


def step_kind(step: Step) -> str:
    """The name a step has in a file: one of ``STEP_KINDS``."""
    match step:
        case CouponStep():
            return "coupon"
        case RecommendStep():
            return "recommend"
        case TagStep():
            return step.target
        case WebhookStep():
            return "webhook"


def _coupon_rule(step: CouponStep) -> Iterable[tuple[str, str]]:
    if (step.percent_off is None) == (step.amount_off is None):
        yield "", "expected either percent_off or amount_off"
    if step.maximum_discount is not None and step.amount_off is not None:
        yield "maximum_discount", "is for percent_off; amount_off is its own maximum"


def _money(about: str, default: Any) -> Field:
    return Field(Number(0, 1_000_000, exact=True, above=True), about, default)


_COUPON: Final = Form(
    CouponStep,
    {
        "percent_off": Field(Number(0, 100, above=True), "Per cent off the order.", None),
        "amount_off": _money("Amount off the order, store's currency.", None),
        "minimum_spend": Field(
            Number(0, 1_000_000, exact=True), "The order must come to this.", Decimal(0)
        ),
        "maximum_discount": _money("A percentage takes no more off than this.", None),
        "valid_for": Field(
            Span(timedelta(hours=1), timedelta(days=366)), "How long the code can be used."
        ),
        "title": Field(Words(r".{1,80}", "a title of up to 80 characters"), "Shown in store.", ""),
        "prefix": Field(
            Words(r"[A-HJ-NP-Z2-9]{2,6}", "2 to 6 of A-Z and 2-9 without I and O"),
            "How the code begins.",
            "",
        ),
    },
    rule=_coupon_rule,
)
_RECOMMEND: Final = Form(
    RecommendStep,
    {
        "strategy": Field(
            Choice(("bought_together", "best_in_segment", "repeat_buys")), "How to choose."
        ),
        "count": Field(Number(1, 20, whole=True), "How many products.", 4),
    },
)


def _label(target: Literal["tag", "segment"]) -> Form:
    def build(name: str, *, remove: bool) -> TagStep:
        return TagStep(name, remove, target)

    return Form(
        build,
        {
            "name": Field(Words(r"\S.{0,59}", "a name of up to 60 characters"), "Its name."),
            "remove": Field(YesNo(), "Take it off instead of putting it on.", False),
        },
        short="name",
    )


_WEBHOOK: Final = Form(
    WebhookStep,
    {
        "url": Field(
            Words(
                r"https://[^\s/@]+(/\S*)?|http://(localhost|127\.0\.0\.1)(:[0-9]+)?(/\S*)?",
                "an https:// address",
            ),
            "Where to.",
        ),
        "secret": Field(
            Words(r"[A-Za-z][A-Za-z0-9_-]{0,59}", "the name of a secret (a setting), not itself"),
            "Name of the secret that signs it.",
        ),
    },
)
STEP: Final = Tagged(
    {
        "coupon": _COUPON,
        "recommend": _RECOMMEND,
        "tag": _label("tag"),
        "segment": _label("segment"),
        "webhook": _WEBHOOK,
    },
    step_kind,
    "step",
    LATER,
)
