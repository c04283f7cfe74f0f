"""What an operator says about one endpoint of the sample system: the ``[options]`` table of its file."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class TemplateOptions(BaseModel):
    """Options of an endpoint whose adapter is ``template``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field("", description="Address of the partner's service, up to the name of the operation")
    token: SecretStr = Field(SecretStr(""), description="Bearer token that the partner gave us: env:NAME or file:path")
    unit: str = Field("", description="Code by which the partner knows us; written into every call (donVi)")
    procedure_list: str = Field("template_procedures", description="Code list from the hub's procedure codes to the partner's")
