"""Measurements: each prints one JSON object and compares within one run, for machines are noisy."""

import os

# As in every process of the product: threads of two programs that spin for each other take twenty
# times as long. Read when scikit-learn is first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
