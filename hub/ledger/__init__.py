"""Message Store and Message History: the truth."""
