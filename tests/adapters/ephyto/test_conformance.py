"""The conformance kit: certificates both ways, our answers and theirs, the words of the Hub."""

from pathlib import Path

import adapters.ephyto
from adapters.ephyto import ADAPTER
from hub.conformance.adapter import AdapterConformance


class TestEphyto(AdapterConformance):
    adapter = ADAPTER
    samples = Path(adapters.ephyto.__file__).parent / "samples"
