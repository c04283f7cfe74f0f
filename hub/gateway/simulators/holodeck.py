"""A double of Holodeck B2B's file backend: takes ``.mmd`` files from its folder, and puts what came, and signals, into another.

It works its folders every ``every_seconds``, or when the verb ``work`` says so (0). Faults: ``rejects`` (a submission is
rejected, with an ``.err`` beside it), ``truncated`` (a header is written by half), ``same_again`` (what came is put twice).
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from hub.errors import InvalidMessage
from hub.gateway.simulators.mailbox import Carried, Mailbox
from hub.rules import xml
from hub.simulation import Call, Said, SimulatorServer

_MMD = "http://holodeck-b2b.org/schemas/2014/06/mmd"
_EB = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
_UNSAFE = re.compile(r"[^a-zA-Z0-9.-]")


def simulator(
    *,
    port: int = 0,
    folder: str = "",
    put: str = "msg_out",
    take: str = "msg_in",
    format: str = "ebms",
    every_seconds: float = 0.5,
    delivers: bool = True,
    peer: str = "",
) -> SimulatorServer:
    """Make the double, not yet started; ``folder``: its data folder, as ``file:///path`` or a path; ``format``: ebms or mmd."""
    root = Path(unquote(urlsplit(folder).path) if folder.startswith("file:") else folder or "holodeck")
    box = Mailbox(first="accepted", last="delivered", waiting="delivered", delivers=delivers, peer=peer)
    made = Holodeck(box, root / put, root / take, format)
    server = SimulatorServer("gateway_holodeck", made.answer, port=port)
    made.server = server
    server.verbs = {"receive": made.receive, "work": made.work, "signal": made.signal}
    box.steer(server)
    if every_seconds:
        threading.Thread(target=made.go_on, args=(every_seconds,), name="holodeck", daemon=True).start()
    return server


class Holodeck:
    """The gateway at its folders."""

    server: SimulatorServer

    def __init__(self, box: Mailbox, out: Path, into: Path, format: str) -> None:
        self._box, self._out, self._into, self._format = box, out, into, format
        self._worked = threading.Lock()
        for each in (out, into, into.parent / "msg_taken"):
            each.mkdir(parents=True, exist_ok=True)

    def answer(self, call: Call) -> Said:
        """Answer no call: who has a file backend is spoken with by files."""
        return Said(b"", status=404)

    def go_on(self, seconds: float) -> None:
        """Work the folders again and again, as long as the process lives."""
        pause = threading.Event()
        while not pause.wait(seconds):
            self.work({})

    # --- ours

    def work(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take what lies there to be sent."""
        with self._worked:
            names = sorted(self._out.glob("*.mmd"))
            for path in names:
                self._submitted(path)
        return {"taken": len(names)}

    def _submitted(self, path: Path) -> None:
        working = path.with_suffix(".processing")
        os.replace(path, working)
        try:
            if self.server.faults.take("rejects", path.name):
                raise ValueError("no P-Mode was found for this message")
            carried, payload = self._read(working)
        except (ValueError, OSError, InvalidMessage) as error:
            path.with_suffix(".err").write_text(str(error), encoding="utf-8")
            os.replace(working, path.with_suffix(".rejected"))
            return
        self._box.given[carried.number] += 1
        self._box.take(carried)
        payload.unlink()
        os.replace(working, path.with_suffix(".accepted"))
        if carried.state == "delivered":
            self.signal({"number": carried.number})

    def _read(self, path: Path) -> tuple[Carried, Path]:
        root = xml.parse(path.read_bytes())
        if root.tag != f"{{{_MMD}}}MessageMetaData":
            raise ValueError("no message metadata")
        part = root.find(f"{{{_MMD}}}PayloadInfo/{{{_MMD}}}PartInfo")
        agreed = root.find(f"{{{_MMD}}}CollaborationInfo/{{{_MMD}}}AgreementRef")
        carried = _carried(root, agreed)
        if part is None or not carried.conversation or not (carried.action or carried.agreement):
            raise ValueError("the metadata is not complete")
        payload = path.parent / str(part.get("location"))
        carried.body = payload.read_bytes()
        return carried, payload

    def signal(self, given: dict[str, Any]) -> dict[str, Any]:
        """Notify of a receipt for ``number``; with ``code``: of an error (``severity``, ``text``)."""
        number, code = str(given["number"]), str(given.get("code", ""))
        about = f"<eb:MessageInfo><eb:MessageId>s-{escape(number)}</eb:MessageId><eb:RefToMessageId>{escape(number)}"
        inner = '<eb:Receipt><c:ReceiptChild xmlns:c="http://holodeck-b2b.org/schemas/2015/08/delivery/ebms/receiptchild"/></eb:Receipt>'
        if code:
            text, severity = quoteattr(str(given.get("text", ""))), quoteattr(str(given.get("severity", "failure")))
            inner = f"<eb:Error errorCode={quoteattr(code)} severity={severity} shortDescription={text}/>"
        document = f'<eb:Messaging xmlns:eb="{_EB}"><eb:SignalMessage>{about}</eb:RefToMessageId></eb:MessageInfo>{inner}'
        name = f"mi-signal-{_UNSAFE.sub('_', number)}-{code.replace(':', '') or 'receipt'}.xml"
        self._write(name, f"{document}</eb:SignalMessage></eb:Messaging>".encode())
        return {"file": name}

    # --- what came

    def receive(self, given: dict[str, Any]) -> dict[str, Any]:
        """Let a message come from abroad, as the shared verb does, and put it into the folder."""
        number = self._box.receive(given)["number"]
        message = self._box.inbox[number]
        safe = _UNSAFE.sub("_", number)
        copies = 2 if self.server.faults.take("same_again", number) else 1
        for copy in range(copies):
            mark = f"-{copy}" if copy else str(given.get("mark", ""))
            payload = f"pl-{safe}-1{mark}.xml"
            self._write(payload, message.body)
            header = self._header(message, payload)
            if self.server.faults.take("truncated", number):
                header = header[: len(header) // 2]
            self._write(f"mi-{safe}{mark}.xml" if self._format == "ebms" else f"{safe}{mark}.mmd.xml", header)
        return {"number": number}

    def _header(self, message: Carried, payload: str) -> bytes:
        space, where = (_EB, str(self._into / payload)) if self._format == "ebms" else (_MMD, payload)
        about = f"<RefToMessageId>{escape(message.about)}</RefToMessageId>" if message.about else ""
        located = (
            f'<PartInfo><PartProperties><Property name="org:holodeckb2b:location">{escape(where)}</Property></PartProperties>'
            "</PartInfo>"
            if self._format == "ebms"
            else f"<PartInfo location={quoteattr(where)} mimeType=\"application/xml\"/>"
        )
        inner = (
            f"<MessageInfo><MessageId>{escape(message.number)}</MessageId>{about}</MessageInfo><PartyInfo><From><PartyId "
            f"type={quoteattr(message.from_type or 'urn:example')}>{escape(message.from_party)}</PartyId></From><To><PartyId>"
            f"{escape(message.to_party)}</PartyId></To></PartyInfo><CollaborationInfo><Service>{escape(message.service)}</Service>"
            f"<Action>{escape(message.action)}</Action><ConversationId>{escape(message.conversation)}</ConversationId>"
            f"</CollaborationInfo><PayloadInfo>{located}</PayloadInfo>"
        )
        if self._format == "mmd":
            return f'<MessageMetaData xmlns="{space}">{inner}</MessageMetaData>'.encode()
        return f'<Messaging xmlns="{space}"><UserMessage>{inner}</UserMessage></Messaging>'.encode()

    def _write(self, name: str, content: bytes) -> None:
        beside = self._into / f".{name}.part"
        beside.write_bytes(content)
        os.replace(beside, self._into / name)


def _carried(root: etree._Element, agreed: etree._Element | None) -> Carried:
    def text(path: str) -> str:
        return (root.findtext("/".join(f"{{{_MMD}}}{step}" for step in path.split("/")), "") or "").strip()

    return Carried(
        number=text("MessageInfo/MessageId"),
        body=b"",
        from_party=text("PartyInfo/From/PartyId"),
        to_party=text("PartyInfo/To/PartyId"),
        service=text("CollaborationInfo/Service"),
        action=text("CollaborationInfo/Action"),
        conversation=text("CollaborationInfo/ConversationId"),
        about=text("MessageInfo/RefToMessageId"),
        agreement=(agreed.get("pmode") or agreed.text or "").strip() if agreed is not None else "",
    )


SIMULATOR = simulator
