"""Measurements that need more than the hub: a broker, a database, and the pipelines that a user would build instead."""
