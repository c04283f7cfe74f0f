"""What an operator says about one endpoint of the ASEAN Single Window: the ``[options]`` table of its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator

from adapters.asean_window.package import BUILT_IN, FILE, Package, load_package
from hub.errors import BadSettings
from hub.rules.border.capability import Capability, read_capabilities

#: What each member takes, as it ships.
CAPABILITIES = BUILT_IN / "capabilities.csv"


class AseanWindowOptions(BaseModel):
    """Options of an endpoint whose adapter is ``asean_window``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: str = Field("VN", pattern="^[A-Z]{2}$", description="Our own country (ISO 3166-1 alpha-2), as in [border] country")
    package: str = Field(
        "assumed1",
        min_length=1,
        description="Schema package: a built-in name, or a folder with package.toml, relative to the configuration folder",
    )
    capabilities: str = Field(
        "",
        description="CSV file with countries that differ from the shipped table, relative to the configuration folder; "
        "a row replaces the whole row of its country",
    )
    available_after: Literal["never", "store"] = Field(
        "never", description="store: what comes in is answered with RES-REC (available) as soon as the hub has stored it; assumed"
    )
    unexpected: Literal["list", "refuse"] = Field(
        "list", description="Elements that the schema does not know: listed as a warning (assumed, OCP Rule 16), or refused"
    )
    gateway_hops: bool = Field(
        True, description="A gateway's word counts as a hop: with it AS1, received by the other gateway AS2; assumed"
    )
    partner_countries: dict[str, str] = Field(
        default_factory=dict, description="Partner of [gateway.partners] -> its country, where the two are not the same word"
    )
    max_document_bytes: int = Field(10_000_000, ge=1_000, description="Largest document that is read")

    _package: Package = PrivateAttr()
    _capabilities: Mapping[str, Capability] = PrivateAttr()

    @field_validator("package", "capabilities")
    @classmethod
    def _beside_the_configuration(cls, value: str, info: ValidationInfo) -> str:
        """Take a relative path from the configuration folder, but for the name of a package that ships with the hub."""
        built_in = info.field_name == "package" and "/" not in value and (BUILT_IN / value / FILE).is_file()
        folder = (info.context or {}).get("folder")
        return str(folder / value) if folder and value and not built_in else value

    def model_post_init(self, context: Any) -> None:
        """Read package and table now, so that a broken one stops the start and no message reads files."""
        built_in = "/" not in self.package and (BUILT_IN / self.package / FILE).is_file()
        self._package = load_package(BUILT_IN / self.package if built_in else Path(self.package))
        self._capabilities = {**_table(CAPABILITIES), **(_table(Path(self.capabilities)) if self.capabilities else {})}

    @property
    def book(self) -> Package:
        """The schema package."""
        return self._package

    def capability(self, country: str) -> Capability:
        """Give what a country takes; one that is not in the table takes everything."""
        return self._capabilities.get(country) or Capability(country=country)

    def country_of(self, partner: str) -> str:
        """Give the country that a gateway's partner is."""
        return self.partner_countries.get(partner, partner)

    def partner_of(self, country: str) -> str:
        """Give the gateway's partner that a country is."""
        return next((partner for partner, each in self.partner_countries.items() if each == country), country)


def _table(path: Path) -> Mapping[str, Capability]:
    try:
        return read_capabilities(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path}: {error}", f"{path}: không đọc được bảng năng lực ({error})", where=str(path)) from error


def check(options: AseanWindowOptions) -> list[str]:
    """List what the package assumes and what has no place in it, for ``lienthong check``."""
    lines = list(options.book.notes())
    if options.available_after == "store":
        lines.append("options.available_after = store: assumed that RES-REC may be said before customs itself has the document")
    if options.gateway_hops:
        lines.append("options.gateway_hops: assumed that a receipt of the other gateway is hop AS2")
    return lines
