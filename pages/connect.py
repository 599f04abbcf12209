"""Connect: databases that are attached, a form for another, and how to instrument instead."""

from pages.ui import connect, navigation

navigation.guard()
connect.draw()
