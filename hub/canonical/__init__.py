"""Canonical Data Model: frozen values without I/O."""
