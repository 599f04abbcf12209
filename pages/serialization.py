"""Serialization: what it costs an application, and what other serializers would."""

from pages.ui import navigation, serialization

navigation.guard()
serialization.draw()
