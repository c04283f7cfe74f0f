"""The National Public Service Portal (Cổng Dịch vụ công Quốc gia, DVCQG), first generation, as an adapter."""

from __future__ import annotations

from adapters.national_portal.inbound import answer, open_request, read_message
from adapters.national_portal.options import Options, check, pulls
from adapters.national_portal.outbound import plan, write_message
from adapters.national_portal.receipts import held_after, read_finding, read_receipt
from adapters.national_portal.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="national_portal",
    title="Cổng Dịch vụ công Quốc gia (thế hệ 1)",
    options=Options,
    signature="none",
    open_request=open_request,
    read_message=read_message,
    answer=answer,
    plan=plan,
    write_message=write_message,
    read_receipt=read_receipt,
    read_finding=read_finding,
    held_after=held_after,
    open_transport=open_transport,
    pulls=pulls,
    check=check,
    file_links=True,
)
