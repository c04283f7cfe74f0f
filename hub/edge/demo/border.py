"""The demo's chapter across borders: a plant consignment to Indonesia with its papers, and one that comes from there."""

from __future__ import annotations

from hub.edge.demo import border_forms as forms
from hub.edge.demo.watch import Expectations, Watch
from hub.edge.demo.world import World
from hub.registers import border as register
from hub.registers import timeline

#: Plant quarantine: export, whose paper is the certificate itself, and import, whose dossier names the other country's.
EXPORT, IMPORT = "BNN&PTNT0300002", "BNNPTNT0300004"
#: A procedure of the ministry that issues Forms D: which one it is in truth is not public.
TRADE_MINISTRY = "BCT0000001"
CERTIFICATE, FORM_D = "VN-TN-000017", "VN-ID 26/09/00017"
THEIR_CERTIFICATE, THEIR_FORM_D = "ID-TN-000042", "ID-VN 26/01/00042"


def border(world: World, watch: Watch, expect: Expectations) -> None:
    """Certificates and Forms D go out and come in, and what the other side says of them comes back."""
    _certificate_goes_out(world, watch, expect)
    reference = _form_d_goes_out(world, watch, expect)
    _customs_abroad_answer(world, watch, expect, reference)
    _certificate_comes_in(world, watch, expect)
    _form_d_comes_in(world, watch, expect)


def _certificate_goes_out(world: World, watch: Watch, expect: Expectations) -> None:
    """Issue a certificate in a dossier of the Single Window; the hub takes it to the ePhyto Hub."""
    reference = str(world.do("vnsw", "application", document_type=EXPORT, seed=71)["reference"])
    watch.until_quiet()
    world.do("bo_nnmt", "answer", reference=reference, event="received", form=forms.registration(reference))
    world.do("bo_nnmt", "answer", reference=reference, event="licence_issued", form=forms.certificate(reference, CERTIFICATE))
    watch.until_quiet()
    told = [f"{row['type']}/{row['function']}" for row in world.account("vnsw")["dossiers"].get(reference, [])]
    expect.that("the Single Window has the phytosanitary certificate as the dossier's licence", told == ["13/07", "21/18"], told)
    sent = [row for row in world.account("ephyto")["envelopes"] if row["certificate"] == CERTIFICATE]
    names = [(row["from"], row["to"], row["type"], row["status"]) for row in sent]
    expect.that("the same certificate waits at the ePhyto Hub for Indonesia, once", names == [("VN", "ID", "851", "70")], names)
    key = f"border:phyto:VN:{CERTIFICATE}"
    watch.until(lambda: _axes(watch, key)[0] == "pending", "the ePhyto Hub says that the certificate waits")
    world.do("ephyto", "settle", certificate=CERTIFICATE, state="Delivered")
    watch.until(lambda: _axes(watch, key)[0] == "delivered", "Indonesia's plant protection has the certificate")
    papers = _papers(watch, reference)
    expect.that("that Indonesia fetched it is found out by asking", _axes(watch, key)[0] == "delivered", _axes(watch, key))
    expect.that("it stands on the dossier's timeline", papers == {CERTIFICATE: "issued"}, papers)


def _form_d_goes_out(world: World, watch: Watch, expect: Expectations) -> str:
    """Issue a Form D for the same consignment; it goes by the gateway to Indonesia's single window. Give its dossier's number."""
    reference = str(world.do("vnsw", "application", document_type=TRADE_MINISTRY, seed=73)["reference"])
    watch.until_quiet()
    dossier = {"HeThong": "VNSW", "MaHoSo": reference}
    wrong = world.do("bo_ct", "issue", document="origin", to="ID", content={"items": forms.items_without_value()}, key="wrong")
    expect.that(
        "a Form D to Indonesia by regional value without its FOB value is refused at the door (Rule 25)",
        wrong["status"] == 400 and "D16" in wrong["body"],
        wrong["body"][:300],
    )
    sent = world.do("bo_ct", "issue", document="origin", to="ID", number=FORM_D, dossier=dossier, key="form-d")
    expect.that("with it the Form D is taken", sent["status"] == 202, sent["body"][:300])
    key = f"border:origin:VN:{FORM_D}"
    watch.until(lambda: _axes(watch, key)[::2] == ("delivered", "available"), "Indonesia's customs have the Form D")
    held = world.account("indonesia")["documents"].get(FORM_D, {})
    expect.that("Indonesia's single window holds it as it was issued", _whole(held.get("document", "")), sorted(held))
    axes = _axes(watch, key)
    expect.that("transport, hop and answer stand apart: delivered, at Indonesia, available", axes[1] in ("AS2", "AS4"), axes)
    return reference


def _customs_abroad_answer(world: World, watch: Watch, expect: Expectations, reference: str) -> None:
    """Answer item by item abroad; the ministry that issued the Form D and the dossier's timeline have the answer."""
    given = {"number": 1, "preference": "GIVEN", "used": "20010.5"}
    refused = {"number": 2, "preference": "NOT_GIVEN", "code": "HS-MISMATCH", "reason": "Tariff line differs"}
    said = {"number": FORM_D, "result": "PARTLY_GIVEN", "declaration": "000111222", "items": [given, refused]}
    world.do("indonesia", "answer", **said)
    key = f"border:origin:VN:{FORM_D}"
    watch.until(lambda: _axes(watch, key)[2] == "partly_given", "the answer of Indonesia's customs")
    watch.until_quiet()
    answers = [row["TraLoi"] for row in world.account("bo_ct")["documents"].get(FORM_D, []) if row["SuKien"] == "answered"]
    results = [[item["result"] for item in answer.get("items", [])] for answer in answers]
    expect.that(
        "customs' answer reaches the ministry that issued it, per item", results[-1:] == [["given", "not_given"]], results
    )
    papers = _papers(watch, reference)
    expect.that("and the timeline of the dossier in which it was applied for", papers == {FORM_D: "partly_given"}, papers)


def _certificate_comes_in(world: World, watch: Watch, expect: Expectations) -> None:
    """Name Indonesia's certificate in an import dossier; when it comes, it is joined to the dossier."""
    values = {"PhytoCerNo": THEIR_CERTIFICATE}
    world.do("ephyto", "issue", **{"number": THEIR_CERTIFICATE, "from": "ID"})
    sent = world.do("vnsw", "send", document_type=IMPORT, type="10", function="01", seed=72, values=values)
    reference = sent["reference"]
    watch.until(lambda: THEIR_CERTIFICATE in world.account("bo_nnmt")["documents"], "Indonesia's certificate at the ministry")
    watch.until_quiet()
    joined = {row["MaHoSo"] for row in world.account("bo_nnmt")["documents"][THEIR_CERTIFICATE]}
    expect.that(
        "Indonesia's certificate comes to the ministry with the import dossier that names it", joined == {reference}, joined
    )
    watch.until(lambda: bool(world.account("ephyto")["words"]), "our word on Indonesia's certificate")
    words = [row["state"] for row in world.account("ephyto")["words"]]
    expect.that("the ePhyto Hub is told once that it was taken, after it was stored", words == ["Delivered"], words)


def _form_d_comes_in(world: World, watch: Watch, expect: Expectations) -> None:
    """Bring a Form D of Indonesia to customs, whose answer goes back."""
    world.do("indonesia", "issue", number=THEIR_FORM_D)
    watch.until(lambda: THEIR_FORM_D in world.account("hai_quan")["documents"], "Indonesia's Form D at customs")
    answer = {"result": "given", "declaration_number": "000333444", "items": [{"number": 1, "result": "given"}]}
    world.do("hai_quan", "answer_border", number=THEIR_FORM_D, answer=answer)
    watch.until_quiet()
    told = [row["root"] for row in world.account("indonesia")["told"] if row["number"] == THEIR_FORM_D]
    expect.that("Indonesia's Form D is with customs, and customs' answer in Indonesia", told == ["CustomsResponse"] * 2, told)


def _axes(watch: Watch, key: str) -> tuple[str, str, str]:
    """Read how far the transport is, the hop, and the business answer of a border document."""
    with watch.ledger.read() as conn:
        shown = register.shown(conn, key, 0.0)
    return (shown.row.technical, shown.row.hop, shown.row.state) if shown else ("", "", "")


def _papers(watch: Watch, reference: str) -> dict[str, str]:
    """Read the border documents on a dossier's timeline, each with where it stands."""
    with watch.ledger.read() as conn:
        shown = timeline.page(conn, reference, after="", limit=1, newest=True, scope=None)
    return {row.number: row.state for row in shown.border}


def _whole(document: str) -> bool:
    """Say whether a Form D has both items and the value of the second."""
    return all(part in document for part in ("FRESH DRAGON FRUIT", "DRAGON FRUIT JUICE", "6400.00"))
