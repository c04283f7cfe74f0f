"""Samples of the Single Window's messages, and a generator of more."""
