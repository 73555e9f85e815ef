"""Real services to test against: started on demand, on loopback, and always stopped."""
