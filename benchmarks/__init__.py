"""How fast, as ratios measured in one run.

``python -m benchmarks`` runs all; ``python -m benchmarks.decode`` runs one. ``--quick`` only shows that they run.
"""
