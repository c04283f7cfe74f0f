"""The National Public Service Portal (Cổng Dịch vụ công Quốc gia, DVCQG), second generation, as an adapter."""

from __future__ import annotations

from adapters.national_portal_v2.calls import SERVICES
from adapters.national_portal_v2.inbound import answer, open_request, read_message
from adapters.national_portal_v2.options import Options, check
from adapters.national_portal_v2.outbound import plan, write_message
from adapters.national_portal_v2.receipts import held_after, read_finding, read_receipt
from adapters.national_portal_v2.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="national_portal_v2",
    title="Cổng Dịch vụ công Quốc gia (thế hệ 2)",
    options=Options,
    signature="none",
    open_request=open_request,
    read_message=read_message,
    answer=answer,
    services=SERVICES,
    plan=plan,
    write_message=write_message,
    read_receipt=read_receipt,
    read_finding=read_finding,
    file_links=True,
    held_after=held_after,
    open_transport=open_transport,
    check=check,
)
