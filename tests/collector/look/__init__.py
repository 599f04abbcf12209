"""Tests of collector.look."""
