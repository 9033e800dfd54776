"""Plotly, which draws what reports show, is an extra (`shoal[report]`)."""

from __future__ import annotations

from importlib.util import find_spec

from worker.errors import ShoalError


class PlotsMissing(ShoalError):
    """Plotly is not installed."""


def require_plotly() -> None:
    """Raise `PlotsMissing` where no plot could be drawn, before anything has been computed."""
    if find_spec("plotly") is None:
        message = "plots need Plotly: pip install 'shoal[report]'"
        raise PlotsMissing(message)
