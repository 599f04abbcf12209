"""What measuring costs, and how fast collector and pages are: ``python -m benchmarks``.

Each module prints one JSON object: ``figures``, a list of ``figure()``, and whatever it likes
beside it. Progress goes to stderr. Figures that compare come from interleaved runs in fresh
processes and stand beside their floor: what the same method shows where there is nothing to show.
"""
