"""The conformance kit, in both roles and both generations: the partner is the Single Window, or a ministry's system."""

from pathlib import Path

import adapters.single_window
from adapters.single_window import ADAPTER
from hub.conformance.adapter import AdapterConformance

FOLDER = Path(adapters.single_window.__file__).parent


class TestGateway(AdapterConformance):
    adapter = ADAPTER
    samples = FOLDER / "samples"


class TestMinistry(AdapterConformance):
    adapter = ADAPTER
    samples = FOLDER / "samples_ministry"


class TestMaritime(AdapterConformance):
    """The first generation: ships."""

    adapter = ADAPTER
    samples = FOLDER / "samples_maritime"


class TestVehicleInspection(AdapterConformance):
    """The first generation: a later message confirms or refuses what was taken."""

    adapter = ADAPTER
    samples = FOLDER / "samples_vehicle"
