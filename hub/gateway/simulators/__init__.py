"""Doubles of gateway products: each speaks its product's backend port, and carries messages to nobody, or to another double."""
