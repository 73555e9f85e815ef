"""What create, read, update and delete mean for a record and its counterpart together."""
