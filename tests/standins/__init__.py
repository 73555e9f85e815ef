"""Services of vendors that cannot run here, for the vendors' own clients."""
