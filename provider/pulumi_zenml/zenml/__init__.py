"""ZenML's side: the connection, the records, the snapshots and their submission."""
