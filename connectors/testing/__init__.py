"""The contract every connector keeps, as tests that a stranger can run too.

Subclass :class:`ConnectorContract` in a test file and give it one fixture, ``stage``::

    class TestKiosk(ConnectorContract):
        @pytest.fixture
        def stage(self) -> Stage:
            return Stage(factory=connect, store=..., http=..., signed=..., order=..., ...)

What a platform cannot do is left out of the stage, and its tests are skipped with a word.
"""

from __future__ import annotations

from connectors.testing.connecting import ConnectingContract
from connectors.testing.faults import FAULTS, FaultContract
from connectors.testing.pushing import PushContract
from connectors.testing.reading import ReadingContract
from connectors.testing.shapes import SHAPES, ShapeContract
from connectors.testing.stage import Discounted, Stage, require_no_secret, require_well_formed
from connectors.testing.webhooks import WebhookContract

__all__ = [
    "FAULTS",
    "SHAPES",
    "ConnectorContract",
    "Discounted",
    "Stage",
    "require_no_secret",
    "require_well_formed",
]


class ConnectorContract(
    WebhookContract,
    ReadingContract,
    PushContract,
    ConnectingContract,
    FaultContract,
    ShapeContract,
):
    """Everything at once; give it a fixture ``stage``."""
