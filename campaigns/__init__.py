"""What to do, for whom, and why not: campaigns, conditions, limits and decisions.

Values in, values out: nothing here touches Redis, the database or the network.
"""
