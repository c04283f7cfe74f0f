"""Levels of public services and the pilot criteria, as data with days; SOURCE.md says what they are written from."""
