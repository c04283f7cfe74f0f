"""Options of an endpoint that speaks to the National Public Service Portal (DVCQG), first generation."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Options(BaseModel):
    """Table ``[options]`` of an endpoint's file. What is marked assumed has no public source: check it with the portal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # --- where -----------------------------------------------------------------------------------------------
    base_url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="Address of the agency's security-server adapter up to the provider's own path, e.g. "
        "http://adapter:8080/XrdAdapter/RestService/forward. Empty: the portal only calls us.",
    )
    login_path: str = Field("mapi/login", description="Path of the log-in, under base_url.")
    service_path: str = Field("mapi/g", description="Path of the services for dossiers and single procedures.")
    share_path: str = Field("mapi/g", description="Path of the services for lists, such as LayDanhSachTTHC.")
    dstcode: str = Field("VN:GOV:000.00.00.G22:vpcpdvcprovider", description="Destination; empty: not sent.")
    dstcode_in: Literal["header", "query"] = Field(
        "header", description="Where dstcode goes: installations differ, both have been seen."
    )
    providerurl: str = Field("", description="Real address of a back end behind the same dstcode, sent in the query.")

    # --- who -------------------------------------------------------------------------------------------------
    username: str = Field("", description="Name for the log-in; typically the agency code.")
    password: SecretStr = Field(SecretStr(""), description="Password for the log-in; in the file as env:NAME or file:/path.")
    madonvi: str = Field("", description="Agency code in every call, e.g. H99; one endpoint speaks for one agency.")

    # --- session ---------------------------------------------------------------------------------------------
    session_seconds: float = Field(600.0, gt=0, description="A session is made anew after so long; clients keep it 10 minutes.")
    session_expired_codes: tuple[str, ...] = Field(
        ("401",), description="Values of error_code that mean: session not known, nothing was done. Assumed."
    )
    session_expired_texts: tuple[str, ...] = Field(
        ("phiên làm việc", "phiên đăng nhập", "hết phiên", "session expired", "invalid session"),
        description="Parts of a message that, with a code that is no success, mean the same. Case does not matter. Assumed.",
    )

    # --- what is told ----------------------------------------------------------------------------------------
    rows_per_call: int = Field(10, ge=1, le=1000, description="Progress rows in one call; the portal's limit is unknown.")
    refusal_before_reception: Literal["send", "skip"] = Field(
        "send",
        description="Refused (3) and never received: send writes it with NgayTuChoi, without NgayTiepNhan. Inferred.",
    )
    withdrawal_before_reception: Literal["send", "skip"] = Field(
        "skip",
        description="Withdrawn (7) and never received: the portal never heard of it and does not count it. Inferred.",
    )
    status_type: str = Field("2", description="Value of type in DongBoTrangThaiHoSo.")
    status_data: Literal["list", "object"] = Field(
        "list", description="Shape of data in DongBoTrangThaiHoSo: a list of one row, or the row itself. Assumed."
    )

    # --- codes -----------------------------------------------------------------------------------------------
    map_procedures: bool = Field(True, description="Translate local procedure codes by the table; false: they go as they are.")
    procedure_table: str = Field("procedures", description="Code list from local to national codes; its names become TenTTHC.")
    map_fields: bool = Field(True, description="Translate local field codes by the table; false: they go as they are.")
    field_table: str = Field("fields", description="Code list from local to national codes; its names become TenLinhVuc.")

    # --- procedures ------------------------------------------------------------------------------------------
    write_procedure_service: str = Field(
        "", description="Service that takes a procedure's record: no public source names one, assumed; empty: none."
    )
    write_procedure_field: str = Field("data", min_length=1, description="Name of the list in that service's body. Assumed.")

    @property
    def query(self) -> dict[str, str]:
        """Query parameters of every call."""
        found = {"dstcode": self.dstcode if self.dstcode_in == "query" else "", "providerurl": self.providerurl}
        return {name: value for name, value in found.items() if value}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every call; ``Charset`` is not standard, the portal's own clients send it."""
        always = {"Accept": "application/json", "Content-Type": "application/json", "Charset": "utf-8"}
        return always | ({"dstcode": self.dstcode} if self.dstcode and self.dstcode_in == "header" else {})
