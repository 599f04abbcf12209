"""What the pages are made of: frame, filters, cached queries, charts, cards, tables, formats."""
