"""How stores speak: platforms' webhooks and APIs on one side, our events and records on the other.

Only this package calls other machines. It never touches Redis or the database.
"""
