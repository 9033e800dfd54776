"""The shell: receives events, keeps state, acts.

Only this package touches Redis, the database and the listening socket.
"""
