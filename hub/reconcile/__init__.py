"""Compare what partners hold with what the ledger says, and propose the mending as a plan of operations."""
