"""Breaking one thing in the store on purpose, to show that the proof would see it."""

from __future__ import annotations

from typing import Final

from worker.demo.vendure.shopping import Api
from worker.demo.vendure.store import listed
from worker.errors import ShoalError

_PARTS: Final = """enabled couponCode startsAt endsAt perCustomerUsageLimit usageLimit
  translations { languageCode name description }
  conditions { code args { name value } } actions { code args { name value } }"""
_CREATE: Final = """mutation($input: CreatePromotionInput!) { createPromotion(input: $input) {
  __typename ... on ErrorResult { errorCode message } } }"""


def double_promotion(merchant: Api) -> None:
    """Do what a careless pusher would: make a second code for what one coupon was made for."""
    made = next(listed(merchant, "promotions", _PARTS), None)
    if made is None:
        message = "--sabotage double: there is no coupon to double; play more events"
        raise ShoalError(message)
    again = {**made, "couponCode": f"{made['couponCode']}-AGAIN"}
    for name in ("conditions", "actions"):
        again[name] = [{"code": one["code"], "arguments": one["args"]} for one in made[name]]
    merchant(_CREATE, input=again)
