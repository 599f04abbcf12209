"""Tests of the metrics store."""
