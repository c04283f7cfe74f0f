"""The national_portal passes the conformance kit."""

from pathlib import Path

import adapters.national_portal
from adapters.national_portal import ADAPTER
from hub.conformance.adapter import AdapterConformance

SAMPLES = Path(adapters.national_portal.__file__).parent / "samples"


class TestNationalPortal(AdapterConformance):
    adapter = ADAPTER
    samples = SAMPLES
