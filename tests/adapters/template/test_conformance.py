"""The template passes the conformance kit."""

from pathlib import Path

import adapters.template
from adapters.template import ADAPTER
from hub.conformance.adapter import AdapterConformance

SAMPLES = Path(adapters.template.__file__).parent / "samples"


class TestTemplate(AdapterConformance):
    adapter = ADAPTER
    samples = SAMPLES
