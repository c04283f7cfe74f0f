"""What a package writes it reads again as the same message: in the shipped schema, and in one that looks otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.asean_window.canonical_side import Head
from adapters.asean_window.options import AseanWindowOptions
from adapters.asean_window.package import Form
from adapters.asean_window.reading import read
from adapters.asean_window.writing import write
from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.message import BorderAnswer, BorderDocument, BorderEvent, BorderMessage, Tracking
from hub.canonical.border.origin import OriginCertificate
from tests.adapters.asean_window.generated import COUNTRIES, Maker

OTHER = Path(__file__).parent / "other_package"
PACKAGES = {name: AseanWindowOptions(package=given).book for name, given in (("assumed1", "assumed1"), ("other", str(OTHER)))}
FORMS = [(name, form) for name, package in PACKAGES.items() for form in package.forms]
#: Kinds of parties belong to the phytosanitary certificate.
PARTIES = ("consignor", "consignee", "third_country_invoicer", "exhibition", "exporter", "importer")
WITHOUT = {(party, "types") for party in PARTIES}
NUMBER = "VN-ID 99/09/00017"


def made(form: Form, maker: Maker) -> BorderMessage:
    """Make a message that a form can say."""
    event = maker.random.choice(sorted(form.functions))
    said: dict[str, object] = {"importing_country": "ID", "issuing_country": "VN"}
    if event in (BorderEvent.ISSUED, BorderEvent.COPIED):
        said |= {**_content(form, maker), "supersedes": maker.random.choice(("", "VN-ID 99/09/00001"))}
    elif event is BorderEvent.CANCELLED:
        said |= {"superseded_by": maker.random.choice(("", "VN-ID 99/09/00021")), "reason": maker.text()}
    elif event is BorderEvent.COPY_ASKED:
        said |= {"reason": maker.text()}
    elif event is BorderEvent.ANSWERED:
        said |= {"answer": maker.model(BorderAnswer), "issuing_country": maker.random.choice(COUNTRIES)}
    else:
        tracking = maker.model(Tracking, {("technical",)}).model_copy(update={"hop": maker.random.choice(("AS1", "AS4"))})
        said |= {"tracking": tracking, "importing_country": ""}
    return BorderMessage(event=event, document=form.document, number=NUMBER, sent_at=maker.moment(), **said)


def _content(form: Form, maker: Maker) -> dict[str, object]:
    if form.document is BorderDocument.ORIGIN:
        return {"origin": maker.model(OriginCertificate, WITHOUT).model_copy(update={"number": NUMBER, "issuing_country": "VN"})}
    countries = {"number": NUMBER, "export_country": "VN", "import_country": "ID"}
    return {"declaration": maker.model(ExportDeclaration, WITHOUT).model_copy(update=countries)}


def head_of(form: Form, message: BorderMessage) -> Head:
    """Give the header that belongs to a message."""
    sender, receiver = message.issuing_country, message.importing_country or "ID"
    if message.event in (BorderEvent.ANSWERED, BorderEvent.COPY_ASKED):
        sender, receiver = receiver, sender
    return Head(
        message_id="7d0f5b1e",
        about="m-1",
        conversation="VN-ID-99-09-00017",
        document_type=form.document_type,
        function=form.functions[message.event],
        sender=sender,
        receiver=receiver,
    )


@pytest.mark.parametrize(("name", "form"), FORMS, ids=[f"{name}-{form.name}" for name, form in FORMS])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_written_is_read_as_the_same_message(name: str, form: Form, seed: int) -> None:
    """No value is lost or altered on the way, nothing is left out, and the same message gives the same bytes."""
    message = made(form, Maker(seed))
    head = head_of(form, message)

    written = write(form, head, message)
    found = read(written.body, PACKAGES[name], unexpected="refuse", max_bytes=10_000_000)

    assert found.message == message
    assert (found.form, found.head) == (form, head)
    assert (written.left_out, found.left_out) == ((), ())
    assert write(form, head, message).body == written.body
