"""Samples of the portal's messages; everything in them is invented."""
