"""The facts that stores tell us, and the things we push to them, as plain values.

Every record is an immutable ``msgspec.Struct`` and travels inside an event
(:mod:`connectors.events`). Money is an integer of minor units beside its ISO 4217 currency;
:class:`Money` shows it as ``Decimal``. Times are aware UTC datetimes.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal, get_args

import msgspec

# ISO 4217 exponents that differ from two (Unicode CLDR 46, supplemental/currencyData).
_EXPONENTS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
# One amount is squared in 64-bit integers when its variance is kept (segmentation.running).
LARGEST_AMOUNT: Final = 3_030_000_000
_MOST_DIGITS: Final = 18


def exponent(currency: str) -> int:
    """Number of decimal places of a currency's minor unit."""
    return _EXPONENTS.get(currency, 2)


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units of one currency.

    Attributes
    ----------
    minor
        Integer number of the currency's smallest unit (cents, pence, yen).
    currency
        ISO 4217 code.
    """

    minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """The same amount as a ``Decimal`` in the currency's main unit."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Money from an amount in the main unit, rounded half to even to the minor unit.

        Raises
        ------
        ValueError
            If the amount is not a finite number or is larger than ``LARGEST_AMOUNT`` minor units.
        """
        value = Decimal(amount)
        # An exponent of millions would be written out digit by digit before it is found too large.
        if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
            message = (
                f"amount {amount!r} in {currency}: expected a finite number "
                f"of at most {_MOST_DIGITS} digits"
            )
            raise ValueError(message)
        minor = int(value.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_EVEN))
        if abs(minor) > LARGEST_AMOUNT:
            message = f"amount {amount} {currency} is beyond what one order may hold"
            raise ValueError(message)
        return cls(minor, currency)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of an order or a cart. ``value`` is quantity times price, in minor units."""

    product_id: str
    quantity: int
    value: int


OrderStatus = Literal["draft", "pending", "authorized", "partly_paid", "paid", "cancelled"]
COMPLETED: Final = frozenset({"authorized", "partly_paid", "paid"})


class Order(msgspec.Struct, frozen=True, omit_defaults=True, tag="order"):
    """An order as its platform last described it. Natural key: (store, ``order_id``).

    ``value`` is the gross of all lines (minor units); ``discount`` what was taken off it;
    ``coupons`` the codes that really discounted it. ``updated_at`` is the platform's version:
    an older one never replaces a newer one.
    """

    order_id: str
    status: OrderStatus
    currency: str
    placed_at: datetime
    updated_at: datetime
    value: int
    lines: tuple[Line, ...] = ()
    discount: int = 0
    coupons: tuple[str, ...] = ()
    cart: str | None = None
    is_cash_on_delivery: bool = False
    is_test: bool = False

    @property
    def is_completed(self) -> bool:
        """Whether it counts as a sale: authorised, partly paid, paid, or cash on delivery."""
        if self.is_test or self.status in {"draft", "cancelled"}:
            return False
        return self.status in COMPLETED or self.is_cash_on_delivery


ReturnReason = Literal[
    "defective", "wrong_item", "not_as_described", "late", "size", "changed_mind", "other"
]
# Their places are stored: a new one goes to the end.
RETURN_REASONS: Final[tuple[ReturnReason, ...]] = get_args(ReturnReason)
# Those that are the shop's own doing.
FAULTS: Final = frozenset({"defective", "wrong_item", "not_as_described", "late"})


class Refund(msgspec.Struct, frozen=True, omit_defaults=True, tag="refund"):
    """Money given back. Natural key: (store, ``refund_id``). ``order_id`` may be unknown.

    ``reason`` is why goods came back, where the store says it.
    """

    refund_id: str
    currency: str
    value: int
    refunded_at: datetime
    updated_at: datetime
    order_id: str | None = None
    is_void: bool = False
    reason: ReturnReason | None = None


class Customer(msgspec.Struct, frozen=True, omit_defaults=True, tag="customer"):
    """What a store knows of a person, personal fields excepted (those travel sealed).

    Natural key: (store, ``customer_id``). ``attributes`` are the declared free ones plus
    ``age_band`` and ``gender``; ``consents`` says yes or no per channel (absent: unknown, so no);
    ``is_suppressed`` means never contact (None: the store does not say, which lifts nothing).
    ``heard_from`` names the tool whose file says so, if it is not the store's own word; then
    ``consented_at`` dates consents where the file does, and the id may be empty: the person is
    known by the event's e-mail alone.
    """

    customer_id: str
    updated_at: datetime
    attributes: dict[str, str | float | bool] = {}
    consents: dict[str, bool] = {}
    time_zone: str | None = None
    is_suppressed: bool | None = None
    heard_from: str = ""
    consented_at: dict[str, datetime] = {}


class Product(msgspec.Struct, frozen=True, omit_defaults=True, tag="product"):
    """A catalogue entry. Natural key: (store, ``product_id``). ``stock`` None: not tracked."""

    product_id: str
    updated_at: datetime
    title: str = ""
    price: int = 0
    currency: str = ""
    category: str = ""
    stock: int | None = None
    is_available: bool = True


class Cart(msgspec.Struct, frozen=True, omit_defaults=True, tag="cart"):
    """A cart or, once ``is_checkout``, a checkout. Natural key: (store, ``token``)."""

    token: str
    updated_at: datetime
    currency: str = ""
    value: int = 0
    lines: tuple[Line, ...] = ()
    is_checkout: bool = False


Body = Order | Refund | Customer | Product | Cart


class Coupon(msgspec.Struct, frozen=True, omit_defaults=True):
    """A personal single-use discount to push to a store.

    Exactly one of ``percent_off`` and ``amount_off`` (minor units) is set. ``marker`` is our
    signature on it, written into the platform's free-text field: it tells our code from a
    stranger's equal one when a push is repeated. ``campaign`` is for platforms that bind a code
    to a group: each campaign has its own there.
    """

    code: str
    marker: str
    customer_id: str
    currency: str
    valid_from: datetime
    valid_until: datetime
    percent_off: float | None = None
    amount_off: int | None = None
    minimum_spend: int = 0
    maximum_discount: int | None = None
    title: str = ""
    campaign: str = ""


class Recommendation(msgspec.Struct, frozen=True):
    """Products to show one customer, best first."""

    customer_id: str
    campaign: str
    products: tuple[str, ...]


class Membership(msgspec.Struct, frozen=True):
    """A tag or segment that a customer carries in the store, or (``is_member`` false) drops."""

    customer_id: str
    name: str
    is_member: bool = True
