"""Which way of finding groups suits a shop: candidates, their figures, and the one to take."""

from __future__ import annotations
