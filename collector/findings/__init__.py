"""Rules that look for what is wrong with the state of graphs, and what their findings become."""
