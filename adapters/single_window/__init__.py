"""The National Single Window (Cổng thông tin một cửa quốc gia, VNSW), both generations: as its partner, or in its place."""

from adapters.single_window.answers import answer, greeting
from adapters.single_window.contracts import contract_documents
from adapters.single_window.inbound import open_request, read_message
from adapters.single_window.options import Options
from adapters.single_window.outbound import after_words, check_policies, inlines, plan, write_message
from adapters.single_window.receipts import read_finding, read_receipt
from adapters.single_window.registry import check_registry
from adapters.single_window.transport import open_transport
from hub.contract import Adapter

ADAPTER = Adapter(
    name="single_window",
    title="Cổng thông tin một cửa quốc gia",
    options=Options,
    open_request=open_request,
    read_message=read_message,
    answer=answer,
    greeting=greeting,
    plan=plan,
    after_words=after_words,
    write_message=write_message,
    inlines=inlines,
    file_links=True,
    long_texts=True,
    odd_signatures=True,
    read_receipt=read_receipt,
    read_finding=read_finding,
    open_transport=open_transport,
    contract_documents=contract_documents,
    check=lambda options: check_registry(options.registry, options.ministry_parties),
    check_policies=check_policies,
)
