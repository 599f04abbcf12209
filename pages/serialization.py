"""Serialization: what serializing takes, and what other designs of the state would save."""

from pages.ui import navigation, serialization

navigation.guard()
serialization.draw()
