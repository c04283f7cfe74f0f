"""Doors and processes: HTTP, workers, command line."""
