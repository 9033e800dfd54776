"""Measurements: each prints one JSON object and compares within one run, for machines are noisy."""
