"""The cost of this package, measured on the real engine: `make bench`."""
