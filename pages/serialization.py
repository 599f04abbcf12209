"""Serialization: what it costs, and what other serializers and designs of the state would."""

from pages.ui import navigation, serialization

navigation.guard()
serialization.draw()
