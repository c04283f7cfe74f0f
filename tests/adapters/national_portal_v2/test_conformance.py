"""The national_portal_v2 passes the conformance kit."""

from pathlib import Path

import adapters.national_portal_v2
from adapters.national_portal_v2 import ADAPTER
from hub.conformance.adapter import AdapterConformance

SAMPLES = Path(adapters.national_portal_v2.__file__).parent / "samples"


class TestNationalPortalV2(AdapterConformance):
    adapter = ADAPTER
    samples = SAMPLES
