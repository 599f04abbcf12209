"""What-ifs on states of real savers."""
