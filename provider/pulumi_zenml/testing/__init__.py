"""What a third party needs to test its own orchestrator: the conformance suite and stand-ins."""
