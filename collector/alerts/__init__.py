"""Rules on metrics and findings: looked at beside ingest, told to targets that users name."""
