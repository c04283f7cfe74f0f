"""The bus: brings each due delivery to a worker and rings dispatch; what it carries is claimed in the ledger."""
