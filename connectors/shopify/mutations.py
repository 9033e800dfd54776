"""Every GraphQL document that writes, each with what it costs (as in the queries)."""

from __future__ import annotations

from typing import Final

from connectors.shopify.queries import Operation

CREATE_CODE: Final = Operation(
    "CreateCode",
    """
mutation CreateCode($input: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $input) {
    codeDiscountNode { id }
    userErrors { field code message }
  }
}
""",
    10,
)
DEACTIVATE_CODE: Final = Operation(
    "DeactivateCode",
    """
mutation DeactivateCode($id: ID!) {
  discountCodeDeactivate(id: $id) { codeDiscountNode { id } userErrors { field code message } }
}
""",
    10,
)
ADD_TAGS: Final = Operation(
    "AddTags",
    """
mutation AddTags($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } }
}
""",
    10,
)
REMOVE_TAGS: Final = Operation(
    "RemoveTags",
    """
mutation RemoveTags($id: ID!, $tags: [String!]!) {
  tagsRemove(id: $id, tags: $tags) { node { id } userErrors { field message } }
}
""",
    10,
)
DEFINE_METAFIELD: Final = Operation(
    "DefineMetafield",
    """
mutation DefineMetafield($definition: MetafieldDefinitionInput!) {
  metafieldDefinitionCreate(definition: $definition) {
    createdDefinition { id }
    userErrors { field code message }
  }
}
""",
    10,
)
SET_METAFIELDS: Final = Operation(
    "SetMetafields",
    """
mutation SetMetafields($metafields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $metafields) {
    metafields { id }
    userErrors { field code message }
  }
}
""",
    10,
)
SUBSCRIBE: Final = Operation(
    "Subscribe",
    """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri format apiVersion { handle } }
    userErrors { field message }
  }
}
""",
    11,
)
UNSUBSCRIBE: Final = Operation(
    "Unsubscribe",
    """
mutation Unsubscribe($id: ID!) {
  webhookSubscriptionDelete(id: $id) {
    deletedWebhookSubscriptionId
    userErrors { field message }
  }
}
""",
    10,
)
