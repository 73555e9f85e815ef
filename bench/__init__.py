"""What this package costs, measured on the real engine: `make bench`."""
