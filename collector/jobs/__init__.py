"""Work that pages and commands ask for, run in children of the collector."""
