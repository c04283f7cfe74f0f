"""The adapter ``one_stop`` keeps every promise of an adapter."""

from pathlib import Path

from adapters.one_stop import ADAPTER
from hub.conformance.adapter import AdapterConformance


class TestOneStop(AdapterConformance):
    adapter = ADAPTER
    samples = Path(__file__).parents[3] / "adapters" / "one_stop" / "samples"
