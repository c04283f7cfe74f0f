"""Pure rules: bytes and values in, decisions out; no clock, no socket, no file."""
