"""ZenML and an orchestrator in memory, for everything above them."""
