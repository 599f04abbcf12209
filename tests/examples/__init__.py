"""Tests of the demo and the quickstart."""
