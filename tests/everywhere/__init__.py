"""One long thread on every backend: what is shown of it, whichever way it was measured, is what
LangGraph itself has."""
