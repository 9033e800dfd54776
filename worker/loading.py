"""How scikit-learn is loaded where memory counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_pandas() -> Iterator[None]:
    """scikit-learn loads pandas where it finds it: 100 MB for tables that learning never sees."""
    is_loaded = "pandas" in sys.modules
    if not is_loaded:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # how Python marks what is absent
    try:
        yield
    finally:
        if not is_loaded:
            del sys.modules["pandas"]
