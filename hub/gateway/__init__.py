"""Gateways that speak ebMS for the hub: one port, a driver for each product, and the transport over any of them."""
