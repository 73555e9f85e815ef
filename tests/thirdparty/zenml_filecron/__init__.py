"""A third party's ZenML orchestrator: each schedule is a JSON file in a folder."""
