"""The conformance kit, over the shipped schema."""

from pathlib import Path

import adapters.asean_window
from adapters.asean_window import ADAPTER
from hub.conformance.adapter import AdapterConformance


class TestAseanWindow(AdapterConformance):
    adapter = ADAPTER
    samples = Path(adapters.asean_window.__file__).parent / "samples"
