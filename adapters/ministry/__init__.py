"""Hệ thống dịch vụ công trực tuyến của bộ (DVCTT): a ministry's system over JSON (dossiers, trade decisions, its catalogue)."""

from adapters.ministry.inbound import answer, open_request, read_message
from adapters.ministry.options import MinistryOptions
from adapters.ministry.outbound import SERVICES, plan, write_message
from adapters.ministry.receipts import read_finding, read_receipt
from adapters.ministry.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="ministry",
    title="Hệ thống dịch vụ công trực tuyến của bộ",
    options=MinistryOptions,
    signature="jws",
    open_request=open_request,
    read_message=read_message,
    answer=answer,
    services=SERVICES,
    plan=plan,
    write_message=write_message,
    read_receipt=read_receipt,
    read_finding=read_finding,
    open_transport=open_transport,
)
