"""The Overview: what all threads hold, what writing them costs, which are largest."""

from pages.ui import navigation, overview

navigation.guard()
overview.draw()
