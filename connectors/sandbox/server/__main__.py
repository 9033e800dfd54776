"""Start the sandbox store and say where it listens, as one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from connectors.sandbox.server.faults import Faults
from connectors.sandbox.server.ledger import Ledger
from connectors.sandbox.server.limits import Bucket
from connectors.sandbox.server.listener import StoreServer
from connectors.sandbox.server.outbound import Webhooks
from connectors.sandbox.server.routes import House
from connectors.sandbox.server.shelves import Shelves
from connectors.sandbox.server.storefront import Storefront


def main() -> None:
    """Serve until told to stop."""
    wanted = _arguments().parse_args()
    wanted.home.mkdir(parents=True, exist_ok=True)
    webhooks = Webhooks(wanted.webhook_secret)
    webhooks.targets.extend(wanted.webhook_url)
    house = House(
        Shelves(wanted.currency), Ledger(wanted.home), Faults(), webhooks, Storefront(webhooks)
    )
    bucket = Bucket(wanted.rate, wanted.burst)
    server = StoreServer((wanted.host, wanted.port), house, wanted.key, bucket)
    if wanted.with_parent:
        threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    url = f"http://{wanted.host}:{server.server_address[1]}"
    ready = {"url": url, "pid": os.getpid(), "ledger": str(house.ledger.path)}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        sys.exit(0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox.server", description=__doc__
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--home", type=Path, required=True, help="where the ledger is written")
    parser.add_argument("--key", default=os.environ.get("SANDBOX_KEY", ""), help="bearer token")
    parser.add_argument("--webhook-secret", default=os.environ.get("SANDBOX_WEBHOOK_SECRET", ""))
    parser.add_argument("--webhook-url", action="append", default=[], help="may be repeated")
    parser.add_argument("--currency", default="EUR")
    parser.add_argument("--rate", type=float, default=500.0, help="admin requests a second")
    parser.add_argument("--burst", type=int, default=1000, help="admin requests at once")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent does")
    return parser


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
