"""`shoal demo --store vendure`: the last month of the log, played against a real Vendure.

The store is a Node process of its own, its shoppers another; what is proven is read from the
store's own admin API.
"""
