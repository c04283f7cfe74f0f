"""What an operator says about one endpoint of a ministry's system: the ``[options]`` table of its file."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub.canonical.national_record import DOSSIER, REQUIRED

#: Services of the ministry's system that the hub calls, and the look-up. Assumed: each ministry builds its own.
PATHS: Mapping[str, str] = {
    "nhanHoSo": "/nhanHoSo",
    "nhanSuKien": "/nhanSuKien",
    "notice": "/nhanThongBao",
    "nhanChungTu": "/nhanChungTu",
    "traCuuThongDiep": "/traCuuThongDiep",
    "layDanhMucTTHC": "/layDanhMucTTHC",
    "layTTHC": "/layTTHC",
}
_FIELDS = frozenset(entry.name for entry in DOSSIER.entries)


class MinistryOptions(BaseModel):
    """Options of an endpoint whose adapter is ``ministry``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(
        "",
        pattern=r"^(https?://[^/\s]+\S*)?$",
        description="Address of the system's services, before the path of each; empty: the endpoint only has a door",
    )
    token: SecretStr = Field(SecretStr(""), description="Bearer token that the system gave us: env:NAME or file:/path")
    paths: dict[str, str] = Field(
        default_factory=lambda: dict(PATHS), description="Path of each service; one that is not named keeps its default"
    )
    gives_catalogue: bool = Field(
        False,
        description="The system has services that give its procedures (layDanhMucTTHC, layTTHC), for the comparison; assumed",
    )
    required_fields: tuple[str, ...] = Field(
        REQUIRED,
        description="Fields that a dossier of the ministry's own must have at the door; MaHoSo, MaTTHC and TrangThaiHoSo are "
        "always required, NgayTiepNhan only from reception on",
    )
    enforce_lengths: bool = Field(
        False, description="Refuse texts longer than the lengths inferred for the national portal, instead of passing them on"
    )
    max_document_bytes: int = Field(10_000_000, ge=1_000, description="Largest JSON document that is read at the door")

    @field_validator("paths")
    @classmethod
    def _known_services(cls, given: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(given) - set(PATHS))
        if unknown:
            raise ValueError(f"unknown service {unknown[0]!r}; known: {', '.join(PATHS)}")
        if any(not path.startswith("/") for path in given.values()):
            raise ValueError("a path begins with /")
        return {**PATHS, **given}

    @field_validator("required_fields")
    @classmethod
    def _known_fields(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(given) - _FIELDS)
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r} of a dossier")
        return given
