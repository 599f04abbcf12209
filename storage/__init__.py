"""The metrics store: tables, migrations, the write side and the queries of the pages."""
