"""Liên Thông: a message-driven hub for signed government messages."""

__version__ = "0.1.0"
