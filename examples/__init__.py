"""Programs to learn from and to watch: none needs a model or a network."""
