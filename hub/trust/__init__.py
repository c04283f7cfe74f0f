"""Keys and anchors, loaded once."""
