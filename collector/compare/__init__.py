"""Comparing backends: the same work on each, in a job of its own (``collector.jobs``)."""
