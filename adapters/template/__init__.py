"""Hệ thống mẫu: an imaginary partner with a small JSON protocol; copy this folder to begin an adapter of your own."""

from adapters.template.inbound import answer, open_request, read_message
from adapters.template.options import TemplateOptions
from adapters.template.outbound import SERVICES, plan, write_message
from adapters.template.receipts import held_after, read_finding, read_receipt
from adapters.template.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="template",
    title="Hệ thống mẫu",
    options=TemplateOptions,
    signature="jws",
    open_request=open_request,
    read_message=read_message,
    answer=answer,
    services=SERVICES,
    plan=plan,
    write_message=write_message,
    read_receipt=read_receipt,
    read_finding=read_finding,
    held_after=held_after,
    open_transport=open_transport,
)
