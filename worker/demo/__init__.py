"""`shoal demo`: a real purchase log through the front door, and what came of it, seen from outside.

Three processes beside the stack: the store (connectors.sandbox.server), the player, which knows
nothing but the door's address and keys, and the verifier, which recomputes from what was sent.
"""
