"""What keeps an inspection from looking: one line with the thing, its value and the fix.

CollectorError
└── CouldNotLook       the database cannot be reached, read, or is none of LangGraph
    └── BadAddress     the URL itself cannot be used

A message never has a password, nor more of a URL's query than that there is one.
"""

from __future__ import annotations

from collector.errors import CollectorError


class CouldNotLook(CollectorError):
    """The database cannot be reached or read, or it holds nothing of LangGraph."""


class BadAddress(CouldNotLook):
    """What was given names no database that can be looked into."""
