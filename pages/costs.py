"""The Costs page: what the memory of the applications costs a month, here and elsewhere."""

from pages.ui import costs, navigation

navigation.guard()
costs.draw()
