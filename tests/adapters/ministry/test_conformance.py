"""The adapter ``ministry`` keeps every promise of an adapter."""

from pathlib import Path

from adapters.ministry import ADAPTER
from hub.conformance.adapter import AdapterConformance


class TestMinistry(AdapterConformance):
    adapter = ADAPTER
    samples = Path(__file__).parents[3] / "adapters" / "ministry" / "samples"
