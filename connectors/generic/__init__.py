"""For shops without a connector: Segment's track API in, Standard Webhooks out."""
