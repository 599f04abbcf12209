"""Jobs, run by real children."""
