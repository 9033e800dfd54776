"""The door for webhooks and browse events, and the status page on this machine alone."""
