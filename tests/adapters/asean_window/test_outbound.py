"""What another country is told, and what it is not: not ours to say, not taken there, no place in the schema."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

import adapters.asean_window
from adapters.asean_window.inbound import open_request, read_message
from adapters.asean_window.options import AseanWindowOptions
from adapters.asean_window.outbound import LEFT_OUT, conversation, plan, write_message
from hub.canonical.base import VIETNAM
from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.message import AnswerResult, BorderAnswer, BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.parts import BorderParty, Measure, Package
from hub.canonical.codes import CodeTables
from hub.canonical.message import from_json
from hub.contract import GATEWAY_ABOUT, GATEWAY_CONVERSATION, GATEWAY_PARTNER, Opened, Outgoing, Request, Writing
from hub.errors import InvalidMessage, Untold

SAMPLES = Path(adapters.asean_window.__file__).parent / "samples/out"
OTHER = Path(__file__).parent / "other_package"
OPTIONS = AseanWindowOptions()
COLUMNS = "country,documents,functions,answers,fob,max_items,characters,transport,note\n"


def sample(name: str) -> BorderMessage:
    """Give a message of the samples."""
    message = from_json((SAMPLES / f"{name}.message.json").read_bytes())
    assert isinstance(message, BorderMessage)
    return message


def written(message: BorderMessage, options: AseanWindowOptions = OPTIONS) -> Outgoing:
    """Write a message's one call."""
    (call,) = plan(message, options)
    now = datetime(2026, 3, 2, 9, 15, 4, tzinfo=VIETNAM)
    return write_message(message, call, Writing(options=options, codes=CodeTables(), held={}, now=now, message_id="m-1"))


def refused(message: BorderMessage, options: AseanWindowOptions = OPTIONS) -> list[tuple[str, str]]:
    """Give path and code of each fault."""
    with pytest.raises(InvalidMessage) as caught:
        written(message, options)
    return [(fault.path, fault.code) for fault in caught.value.faults]


def taking(tmp_path: Path, row: str) -> AseanWindowOptions:
    """Give options whose table has another row for Indonesia."""
    path = tmp_path / "countries.csv"
    path.write_text(COLUMNS + row + "\n", "utf-8")
    return AseanWindowOptions(capabilities=str(path))


@pytest.mark.parametrize(
    "change",
    [
        {"issuing_country": "ID", "importing_country": "VN"},
        {"issuing_country": "SG", "importing_country": "ID"},
        {"importing_country": "VN"},
    ],
)
def test_what_is_not_ours_to_say_is_untold(change: dict[str, str]) -> None:
    """A route may give us what another country issued; nothing goes out in its name."""
    with pytest.raises(Untold):
        written(sample("eformd").model_copy(update=change))


def test_an_answer_about_our_own_document_is_not_ours_to_give() -> None:
    """It is the importing country that answers."""
    with pytest.raises(Untold):
        written(sample("answer_partly").model_copy(update={"issuing_country": "VN"}))


def test_without_an_importing_country_nobody_is_told() -> None:
    """Nobody guesses where a document goes."""
    assert refused(sample("eformd").model_copy(update={"importing_country": ""})) == [("/importing_country", "missing")]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("ID,declaration,,,,,any,,", "eformd"),
        ("ID,origin,issued answered,,,,any,,", "cancelled"),
        ("ID,origin,,given not_given,,,any,,", "answer_partly"),
    ],
)
def test_what_a_country_does_not_take_is_untold(row: str, name: str, tmp_path: Path) -> None:
    """Documents, functions and results by the table; the other countries and messages go on."""
    with pytest.raises(Untold, match="ID does not take it"):
        written(sample(name), taking(tmp_path, row))

    assert written(sample(name)).body
    if name != "answer_partly":
        assert written(sample(name).model_copy(update={"importing_country": "MY"}), taking(tmp_path, row)).body


def test_more_items_than_a_country_takes_are_faults(tmp_path: Path) -> None:
    """Two are too many where one is the most; the limit itself is not."""
    assert refused(sample("eformd"), taking(tmp_path, "ID,,,,,1,any,,")) == [("/origin/items", "bad_value")]
    assert written(sample("eformd"), taking(tmp_path, "ID,,,,,2,any,,")).body


def test_letters_that_a_country_does_not_read_are_faults() -> None:
    """Vietnamese letters where Latin ones are read: each place is named, and no value."""
    message = sample("eformd")
    assert message.origin is not None
    named = message.origin.model_copy(update={"consignor": BorderParty(name="CÔNG TY MẪU", country="VN")})

    assert refused(message.model_copy(update={"origin": named})) == [("/origin/consignor/name", "bad_value")]


def test_what_has_no_place_is_listed_beside_the_bytes() -> None:
    """Kinds of parties, and what one schema has and another has not; numbers of ours are nobody's business."""
    message = sample("eformd")
    assert message.origin is not None
    party = message.origin.consignor.model_copy(update={"types": (("list", "EX"),)})
    more = {"reason": "why", "dossier": "vnsw:1", "native": {"a": "b"}}
    out = written(message.model_copy(update={**more, "origin": message.origin.model_copy(update={"consignor": party})}))

    assert out.head[LEFT_OUT].split("; ") == ["origin.consignor.types[].0", "origin.consignor.types[].1", "reason"]
    assert LEFT_OUT not in written(message).head


def test_faults_of_the_schema_are_told_by_the_canonical_message() -> None:
    """Who made the message finds the field in it; the document's path stands in the text."""
    message = sample("eformd")
    assert message.origin is not None
    items = list(message.origin.items)
    items[1] = items[1].model_copy(update={"packages": (Package(kind="K" * 101),), "number": 1_000_000})
    wrong = message.model_copy(update={"origin": message.origin.model_copy(update={"items": tuple(items)})})

    assert refused(wrong) == [("/origin/items/1/number", "out_of_range"), ("/origin/items/1/packages/0/kind", "too_long")]


def test_two_values_of_one_place_must_be_one() -> None:
    """A certificate whose number is not the message's is not sent under either."""
    message = sample("eformd")
    assert message.origin is not None
    other = message.model_copy(update={"origin": message.origin.model_copy(update={"number": "VN-ID 1"})})

    assert refused(other) == [("/origin/number", "bad_value")]


def test_what_goes_to_a_gateway_names_its_partner_there() -> None:
    """Partner, conversation and what it is about; the same conversation for everything that is said of one document."""
    options = AseanWindowOptions(partner_countries={"jakarta": "ID"})
    issued, answered = written(sample("eformd"), options).head, written(sample("answer_partly"), options).head

    assert (issued[GATEWAY_PARTNER], answered[GATEWAY_PARTNER]) == ("jakarta", "jakarta")
    assert GATEWAY_ABOUT not in issued
    assert answered[GATEWAY_ABOUT] == sample("answer_partly").native["aswMessageId"]
    assert issued[GATEWAY_CONVERSATION] == written(sample("cancelled")).head[GATEWAY_CONVERSATION] == "VN-ID-26-09-00017"
    assert conversation(" VN-ID 26/09//1 ") == "VN-ID-26-09-1"


def test_a_copy_is_the_same_document_with_another_function() -> None:
    """Re-transmission: same reference, same content, another transport identifier and function 35."""
    first, again = written(sample("eformd")).body, written(replaced_event(sample("eformd"), BorderEvent.COPIED)).body

    assert first.replace(b">9</FunctionCode>", b">35</FunctionCode>") == again


def replaced_event(message: BorderMessage, event: BorderEvent) -> BorderMessage:
    """Give the same message of another event."""
    return message.model_copy(update={"event": event})


def test_another_package_says_the_same_in_its_own_words() -> None:
    """The same message in a schema with other names, attributes and nesting: only a folder is exchanged."""
    out = written(sample("eformd"), AseanWindowOptions(package=str(OTHER)))

    assert out.body.startswith(b'<?xml version=\'1.0\' encoding=\'UTF-8\'?>\n<Message what="CO" do="new" version="2">')
    assert b'on="02/03/2026"' in out.body
    read = read_message(*_opened(out.body), AseanWindowOptions(package=str(OTHER), country="ID")).messages[0]
    assert isinstance(read, BorderMessage)
    assert read.origin == sample("eformd").origin


def _opened(body: bytes) -> tuple[bytes, Opened]:
    opened = open_request(Request(endpoint="asw", body=body), OPTIONS)
    return opened.document, opened


def test_what_a_package_has_no_document_for_is_untold() -> None:
    """The other package has no request for a copy, and nothing of phytosanitary certificates."""
    with pytest.raises(Untold, match="other_package has none"):
        written(sample("copy_asked"), AseanWindowOptions(package=str(OTHER)))
    with pytest.raises(Untold):
        written(sample("eformd").model_copy(update={"document": BorderDocument.PHYTO}))


def test_the_way_of_a_document_is_not_ours_to_tell() -> None:
    """Gateways tell it; and nothing else than border documents goes this way."""
    assert plan(sample("tracked"), OPTIONS) == ()


def test_several_partial_answers_for_one_reference_are_several_documents() -> None:
    """A certificate is drawn down over several imports: each answer has its declaration and the quantity used with it."""
    first = sample("answer_partly")
    assert first.answer is not None
    used = first.answer.items[0].model_copy(update={"used": Measure(value=Decimal("0.50"), unit="KGM")})
    second = first.answer.model_copy(update={"declaration_number": "000111333", "items": (used,)})
    bodies = {written(first).body, written(first.model_copy(update={"answer": second})).body}

    assert len(bodies) == 2
    assert any(b'<UtilisedQuantity unit="KGM">0.50</UtilisedQuantity>' in body for body in bodies)


def test_an_answer_without_result_or_a_document_without_content_is_a_fault() -> None:
    """What the schema requires and the message does not say."""
    assert refused(sample("answer_partly").model_copy(update={"answer": None}))
    assert refused(sample("eformd").model_copy(update={"origin": None}))
    wide = ExportDeclaration(number="1", export_country="VN", import_country="IDN", declared_on=datetime(2026, 3, 2).date())
    faults = refused(sample("acdd").model_copy(update={"declaration": wide}))
    assert ("/importing_country", "bad_value") in faults or ("/declaration/import_country", "bad_value") in faults


def test_results_of_plant_protection_have_codes_too() -> None:
    """Every result of the canonical form can be said."""
    for result in AnswerResult:
        message = sample("answer_partly").model_copy(update={"answer": BorderAnswer(result=result)})
        assert written(message).body


def test_the_time_of_a_call_is_when_it_was_written() -> None:
    """What the first sender said of its own time is no business of the other country."""
    message = sample("eformd")
    late = replace_sent_at(message)

    assert written(message).body == written(late).body


def replace_sent_at(message: BorderMessage) -> BorderMessage:
    """Give the same message, sent at another time."""
    return message.model_copy(update={"sent_at": datetime(2020, 1, 1, tzinfo=VIETNAM)})


@pytest.mark.parametrize("importing", ["", "ID", "VN", "ZZ"])
@pytest.mark.parametrize("issuing", ["", "ID", "VN"])
def test_the_least_message_of_any_kind_is_written_or_refused(issuing: str, importing: str) -> None:
    """A routing rule may give us any border document, however little it says."""
    for event in BorderEvent:
        for document in BorderDocument:
            least = BorderMessage(event=event, document=document, number="", issuing_country=issuing, importing_country=importing)
            try:
                assert plan(least, OPTIONS) == () or written(least).body
            except (InvalidMessage, Untold) as error:
                assert error.vi != error.en
