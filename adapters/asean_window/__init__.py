"""Cơ chế một cửa ASEAN (ASW): e-Form D, ACDD and what is said of them, in a schema that is exchanged as data."""

from adapters.asean_window.inbound import answer, open_request, read_message
from adapters.asean_window.options import AseanWindowOptions, check
from adapters.asean_window.outbound import plan, write_message
from adapters.asean_window.receipts import read_finding, read_receipt
from adapters.asean_window.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="asean_window",
    title="Cơ chế một cửa ASEAN",
    options=AseanWindowOptions,
    open_request=open_request,
    read_message=read_message,
    answer=answer,
    plan=plan,
    write_message=write_message,
    read_receipt=read_receipt,
    read_finding=read_finding,
    open_transport=open_transport,
    abroad=True,
    check=check,
)
