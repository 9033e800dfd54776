"""Who customers are: features, models and segments.

Values in, values out: nothing here touches Redis, the database or the network.
"""
