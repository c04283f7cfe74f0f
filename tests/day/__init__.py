"""A day at the Single Window: dossiers of both generations through the hub, with faults, and whether every account agrees."""
