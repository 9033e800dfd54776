"""For shops without a connector: Segment's track API in."""
