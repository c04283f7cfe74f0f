"""Test classes that adapters subclass; the only rooms of the hub that need pytest."""

import pytest

# So that a failed assert in the kit shows both sides, as in a test file.
pytest.register_assert_rewrite(
    *(f"hub.conformance.{room}" for room in ("adapter", "faults", "inbound", "kit", "outbound", "receipts"))
)
