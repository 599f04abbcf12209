"""Tests of the pages, on the server."""
