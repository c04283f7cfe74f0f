"""Test classes that adapters subclass."""
