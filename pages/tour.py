"""Tour: a chatbot before and after it was tuned by what is found of it."""

from pages.ui import navigation, tour

navigation.guard()
tour.draw()
