"""The Alerts page: what fires, the rules and what they would have done, and what was sent."""

from pages.ui import alerts, navigation

navigation.guard()
alerts.draw()
