"""The kill matrix: what is left after a crash, a fault or a mistake, and what the next run does."""
