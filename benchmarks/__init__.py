"""How fast, told as ratios measured in one run: ``python -m benchmarks``, or one question: ``python -m benchmarks.decode``."""
