"""Samples of the portal's second generation, and a generator of dossiers for it."""
