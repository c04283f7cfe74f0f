"""The IPPC ePhyto Hub: phytosanitary certificates to and from the plant protection organisations of other countries."""

from adapters.ephyto.answers import answer, owes
from adapters.ephyto.inbound import open_request, read_message
from adapters.ephyto.options import Options, check, pulls
from adapters.ephyto.outbound import inlines, plan, write_message
from adapters.ephyto.receipts import read_finding, read_receipt
from adapters.ephyto.requests import contract_documents
from adapters.ephyto.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="ephyto",
    title="IPPC ePhyto Hub",
    options=Options,
    open_request=open_request,
    read_message=read_message,
    answer=answer,
    owes=owes,
    plan=plan,
    write_message=write_message,
    inlines=inlines,
    long_texts=True,
    read_receipt=read_receipt,
    read_finding=read_finding,
    open_transport=open_transport,
    abroad=True,
    pulls=pulls,
    contract_documents=contract_documents,
    check=check,
)
