"""How the stand-in answers a document: Shopify's own schema over our shelves.

Only what the schema has can be asked, and only what is imitated here is answered; anything else
is an error, so that a test cannot pass by accident.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    execute_sync,
    get_named_type,
    parse,
    validate,
)

from tests.connectors.shopify.codes import create_code, deactivate_code, find_code
from tests.connectors.shopify.published import schema, scopes
from tests.connectors.shopify.shelves import Node, Shelves, stamp

ALL_SCOPES = frozenset(
    {
        *("read_orders", "read_all_orders", "read_customers", "write_customers"),
        *("read_customer_merge", "read_products", "read_discounts", "write_discounts"),
    }
)
PERSONAL = frozenset(
    {"email", "phone", "firstName", "lastName", "defaultEmailAddress", "defaultPhoneNumber"}
)
_SINCE = re.compile(r"updated_at:>='([^']+)'")


@dataclass
class Shop:
    """A shop's shelves and what it lets this app see.

    Attributes
    ----------
    is_approved
        Whether personal fields are shown; else they are refused, or silently null.
    indexed_until
        What changed later is not in lists yet (the search lags); None: all is.
    """

    shelves: Shelves = field(default_factory=Shelves)
    granted: frozenset[str] = ALL_SCOPES
    is_approved: bool = True
    says_so: bool = True
    indexed_until: datetime | None = None
    domain: str = "demo-shop.myshopify.com"
    version: str = "2026-10"


def answered(shop: Shop, text: str, variables: dict[str, Any]) -> dict[str, Any]:
    """``data`` and ``errors`` of one document."""
    document, wrong = _checked(text)
    if wrong:
        return {"errors": [{"message": wrong, "extensions": {"code": "invalid"}}]}
    result = execute_sync(
        schema(),
        document,
        root_value=shop,
        context_value=shop,
        variable_values=variables,
        field_resolver=_resolve,
        type_resolver=lambda value, *_: value["__typename"],
    )
    errors = [_told(each) for each in result.errors or ()]
    # What is wrong with a variable has no path.
    if any("path" not in each for each in errors):
        return {"errors": errors}
    return {"data": result.data} | ({"errors": errors} if errors else {})


@cache
def _checked(text: str) -> tuple[DocumentNode, str]:
    document = parse(text)
    wrong = validate(schema(), document)
    return document, wrong[0].message if wrong else ""


def _told(error: GraphQLError) -> dict[str, Any]:
    if error.path is None:
        return {"message": error.message, "extensions": {"code": "INVALID_VARIABLE"}}
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    told = {"message": error.message, "path": list(error.path)}
    return told | {"extensions": dict(error.extensions or {})}


def _resolve(source: Any, info: GraphQLResolveInfo[Shop], **args: Any) -> Any:
    shop: Shop = info.context
    returned = get_named_type(info.return_type).name
    _require_scope(shop, info, returned)
    if info.field_name in PERSONAL and not shop.is_approved:
        return _withheld(shop, info)
    if isinstance(source, Shop):
        imitated = {**_QUERIES, **_MUTATIONS}.get(info.field_name)
        if imitated is None:
            message = f"the stand-in does not imitate {info.field_name}"
            raise NotImplementedError(message)
        value = imitated(shop, args)
    else:
        value = source[info.field_name]
    is_list = returned.endswith("Connection") and isinstance(value, list)
    return _connection(value, args) if is_list else value


def _require_scope(shop: Shop, info: GraphQLResolveInfo[Shop], returned: str) -> None:
    for place in ((info.parent_type.name, info.field_name), (returned, "")):
        needed = scopes().get(place, frozenset())
        held = {*shop.granted, *(each.replace("write_", "read_") for each in shop.granted)}
        if needed and not needed & held:
            named = ", ".join(f"`{each}`" for each in sorted(needed))
            message = f"Access denied for {info.field_name} field. Required access: {named}."
            raise GraphQLError(message, extensions={"code": "ACCESS_DENIED"})


def _withheld(shop: Shop, info: GraphQLResolveInfo[Shop]) -> None:
    if shop.says_so:
        message = f"This app is not approved to use the {info.field_name} field."
        raise GraphQLError(message, extensions={"code": "ACCESS_DENIED"})


def _connection(nodes: list[Node], args: dict[str, Any]) -> Node:
    first = args.get("first")
    if first is None or first > 250:
        message = "you must provide one of first or last, at most 250"
        raise GraphQLError(message, extensions={"code": "BAD_REQUEST"})
    start = int(base64.b64decode(args["after"]).decode()) if args.get("after") else 0
    page = nodes[start : start + first]
    end = base64.b64encode(str(start + len(page)).encode()).decode() if page else None
    info = {"hasNextPage": start + first < len(nodes), "endCursor": end}
    return {"nodes": page, "pageInfo": info}


def _listed(nodes: Iterable[Node], shop: Shop, args: dict[str, Any]) -> list[Node]:
    query = args.get("query") or ""
    found = _SINCE.search(query)
    since = found[1] if found else ""
    until = stamp(shop.indexed_until) if shop.indexed_until else "9999"
    chosen = [each for each in nodes if since <= each["updatedAt"] <= until]
    if "financial_status:" in query:
        chosen = [each for each in chosen if "REFUNDED" in each["displayFinancialStatus"]]
    ordered = sorted(chosen, key=lambda each: (each["updatedAt"], each["id"]))
    return ordered[::-1] if args.get("reverse") else ordered


def _count(nodes: Iterable[Node], shop: Shop, args: dict[str, Any]) -> Node:
    return {"count": len(_listed(nodes, shop, args)), "precision": "EXACT"}


def _of(shop: Shop, kind: str) -> dict[str, Node]:
    found: dict[str, Node] = getattr(shop.shelves, kind)
    return found


def _one(kind: str) -> Callable[[Shop, dict[str, Any]], Any]:
    def find(shop: Shop, args: dict[str, Any]) -> Any:
        if not re.fullmatch(r"gid://shopify/[A-Za-z]+/\d+", args["id"]):
            raise _not_found(args["id"])
        return _of(shop, kind).get(args["id"])

    return find


def _not_found(gid: str) -> GraphQLError:
    return GraphQLError(f"Invalid id: {gid}", extensions={"code": "RESOURCE_NOT_FOUND"})


def _shop(shop: Shop, _: dict[str, Any]) -> Node:
    return {
        "name": "Demo Shop",
        "currencyCode": shop.shelves.currency,
        "ianaTimezone": "Europe/Berlin",
        "myshopifyDomain": shop.domain,
    }


def _installation(shop: Shop, _: dict[str, Any]) -> Node:
    return {"accessScopes": [{"handle": each} for each in sorted(shop.granted)]}


def _tags(shop: Shop, args: dict[str, Any], *, adds: bool) -> Node:
    node = shop.shelves.customers.get(args["id"])
    if node is None:
        raise _not_found(args["id"])
    given = [tag.strip() for text in args["tags"] for tag in text.split(",") if tag.strip()]
    folded = {each.casefold() for each in given}
    kept = [each for each in node["tags"] if each.casefold() not in folded]
    if adds:
        here = {each.casefold(): each for each in node["tags"]}
        kept += [here.get(each.casefold(), each) for each in given]
    if len(kept) > 250:
        return _refusal("node", ["tags"], "Tags cannot be more than 250")
    node["tags"] = sorted(kept)
    return {"node": node, "userErrors": []}


def _define(shop: Shop, args: dict[str, Any]) -> Node:
    wanted = args["definition"]
    place = (wanted["namespace"], wanted["key"])
    if place in shop.shelves.definitions:
        text = "Key is in use for Customer metafields on the '$app' namespace."
        return _refusal("createdDefinition", ["definition", "key"], text, "TAKEN")
    shop.shelves.definitions.add(place)
    return {"createdDefinition": {"id": "gid://shopify/MetafieldDefinition/1"}, "userErrors": []}


def _set_metafields(shop: Shop, args: dict[str, Any]) -> Node:
    wanted = args["metafields"]
    if len(wanted) > 25:
        text = "Exceeded the maximum metafields input limit of 25."
        return _refusal("metafields", ["metafields"], text, "LESS_THAN_OR_EQUAL_TO")
    for place, each in enumerate(wanted):
        problem = _problem_of_metafield(shop, each)
        if problem:  # all or nothing
            return _refusal("metafields", ["metafields", str(place), "value"], *problem)
    made = []
    for each in wanted:
        node = {"id": f"gid://shopify/Metafield/{shop.shelves.number()}", **each}
        shop.shelves.metafields[each["ownerId"], each["namespace"], each["key"]] = node
        made.append(node)
    return {"metafields": made, "userErrors": []}


def _problem_of_metafield(shop: Shop, wanted: Node) -> tuple[str, str] | None:
    if wanted["ownerId"] not in shop.shelves.customers:
        return "Owner does not exist.", "INVALID"
    if wanted["type"] == "list.product_reference":
        named = re.findall(r"gid://shopify/Product/\d+", wanted["value"])
        if any(each not in shop.shelves.products for each in named):
            return "Value references non-existent resource.", "INVALID_VALUE"
    return None


def _subscribe(shop: Shop, args: dict[str, Any]) -> Node:
    wanted, topic = args["webhookSubscription"], args["topic"]
    place = ["webhookSubscription", "callbackUrl"]
    if not wanted["uri"].startswith("https://"):
        return _refusal("webhookSubscription", place, "Address protocol http:// is not supported")
    same = [
        each
        for each in shop.shelves.subscriptions.values()
        if (each["topic"], each["uri"]) == (topic, wanted["uri"])
    ]
    if same:
        text = "Address for this topic has already been taken"
        return _refusal("webhookSubscription", place, text)
    if topic == "CUSTOMERS_MERGE" and "read_customer_merge" not in shop.granted:
        text = "You cannot create a webhook subscription with the specified topic"
        return _refusal("webhookSubscription", ["topic"], text)
    node = shop.shelves.add_subscription(topic, wanted["uri"], shop.version)
    return {"webhookSubscription": node, "userErrors": []}


def _unsubscribe(shop: Shop, args: dict[str, Any]) -> Node:
    if shop.shelves.subscriptions.pop(args["id"], None) is None:
        text = "Webhook subscription does not exist"
        return _refusal("deletedWebhookSubscriptionId", ["id"], text)
    return {"deletedWebhookSubscriptionId": args["id"], "userErrors": []}


def _refusal(empty: str, place: list[str], message: str, code: str | None = None) -> Node:
    error = {"__typename": "UserError", "field": place, "message": message, "code": code}
    return {empty: None, "userErrors": [error]}


_Answer = Callable[[Shop, dict[str, Any]], Any]
_QUERIES: dict[str, _Answer] = {
    **{
        kind: lambda shop, args, kind=kind: _listed(_of(shop, kind).values(), shop, args)  # type: ignore[misc] # a default keeps each its own
        for kind in ("products", "customers", "orders")
    },
    **{
        f"{kind}Count": lambda shop, args, kind=kind: _count(_of(shop, kind).values(), shop, args)  # type: ignore[misc] # same
        for kind in ("products", "customers", "orders")
    },
    **{kind: _one(f"{kind}s") for kind in ("product", "customer", "order", "refund")},
    "shop": _shop,
    "currentAppInstallation": _installation,
    "codeDiscountNodeByCode": lambda shop, args: find_code(shop.shelves, args["code"]),
    "webhookSubscriptions": lambda shop, _: list(shop.shelves.subscriptions.values()),
}
_MUTATIONS: dict[str, _Answer] = {
    "discountCodeBasicCreate": lambda shop, args: create_code(
        shop.shelves, args["basicCodeDiscount"]
    ),
    "discountCodeDeactivate": lambda shop, args: deactivate_code(
        shop.shelves, args["id"], datetime.now(UTC)
    ),
    "tagsAdd": lambda shop, args: _tags(shop, args, adds=True),
    "tagsRemove": lambda shop, args: _tags(shop, args, adds=False),
    "metafieldDefinitionCreate": _define,
    "metafieldsSet": _set_metafields,
    "webhookSubscriptionCreate": _subscribe,
    "webhookSubscriptionDelete": _unsubscribe,
}
