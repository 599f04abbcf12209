"""The rules, a small module each; ``collector.findings.book`` lists them."""
