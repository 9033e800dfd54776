"""A store of our own, as its own process: ``python -m connectors.sandbox.server``.

Nothing imports it and it imports nothing of ours: it is the other side of the wire, and its ledger
is the witness of what Shoal really did.
"""
