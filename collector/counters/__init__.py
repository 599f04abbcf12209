"""What servers count of themselves: one module a driver, each with ``read(address)``."""
