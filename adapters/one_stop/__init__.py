"""Phần mềm một cửa: one-stop software of a province or commune, over JSON (dossiers in, dossiers and catalogue out)."""

from adapters.one_stop.inbound import answer, open_request, read_message
from adapters.one_stop.options import OneStopOptions
from adapters.one_stop.outbound import SERVICES, plan, write_message
from adapters.one_stop.receipts import read_finding, read_receipt
from adapters.one_stop.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="one_stop",
    title="Phần mềm một cửa",
    options=OneStopOptions,
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
