"""Read models over the ledger."""
