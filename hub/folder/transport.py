"""Put what the adapter wrote into a partner's folder: written under another name, then given its own, which is the hand-over.

The mapping of failures asks what the wire's asks: may the partner have seen it? Before the file has its name, NotSent. When it
is not known whether it got it, it is looked for; a file that is there is ours, one that is not may have been taken away.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hub.canonical.message import Message
from hub.contract import FILE_NAME, Outgoing, Reply
from hub.endpoint import Endpoint, outbound_of
from hub.errors import HubError, InDoubt, NotAllowed, NotSent
from hub.folder.places import Away, Changing, NotAFile, Place, TooLarge, Unsure
from hub.folder.reaching import Places, look_at, unusable
from hub.rules.folder_names import SIGNATURE, temporary

#: As an HTTP server would say it.
TAKEN, NOT_THERE = 200, 404

clock = time.monotonic


class FolderTransport:
    """One endpoint's side of its partner's folders."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._places = Places(endpoint)
        self._policy = self._places.policy
        self._deadline = outbound_of(endpoint).deadline_seconds

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Put one file; what is there already with the same bytes was put by an earlier try."""
        name, ends_at = outgoing.head[FILE_NAME], clock() + self._deadline
        sent = self._shown(name, outgoing)
        try:
            with self._places.lend() as place:
                if not self._there(place, name, outgoing.body):
                    fence()
                    self._put(place, name, outgoing, ends_at)
        except Unsure as error:
            self._look_again(name, outgoing.body, sent, error)
        except OSError as error:
            raise unusable(self._places.address, self._policy.put, error) from error
        awaited = None if self._policy.delivered == "put" else self._policy.acknowledge_seconds
        return Reply(status=TAKEN, body=name.encode(), sent=sent, handed_over=awaited is None, awaited=awaited)

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Look for a file about which there is a doubt; one that is neither there nor was being written may have been taken."""
        name, put = outgoing.head[FILE_NAME], self._policy.put
        try:
            with self._places.lend() as place:
                is_there = place.look(put, name) is not None
                begun = place.look(put, temporary(name)) is not None
        except OSError as error:
            raise unusable(self._places.address, put, error) from error
        shown = f"LOOK {self._places.address}/{put}/{name}\r\n".encode()
        if is_there and self._policy.delivered == "put":
            return Reply(status=TAKEN, body=name.encode(), sent=shown, known="found")
        if is_there:
            # Nothing is done again: it lies there, and the partner has not spoken yet.
            awaited = self._policy.acknowledge_seconds
            return Reply(status=TAKEN, body=name.encode(), sent=shown, known="unknown", awaited=awaited)
        # What still has its other name was never there under its own.
        return Reply(status=NOT_THERE, body=name.encode(), sent=shown, known="absent" if begun else "unknown")

    def probe(self) -> str:
        """Say that every folder is there, and may be worked in."""
        return look_at(self._places)

    def close(self) -> None:
        """Hang up."""
        self._places.close()

    # --- one file

    def _put(self, place: Place, name: str, outgoing: Outgoing, ends_at: float) -> None:
        beside = {name + SIGNATURE: outgoing.head["jws"].encode()} if "jws" in outgoing.head else {}
        for each, body in {**beside, name: outgoing.body}.items():
            if each != name and self._there(place, each, body):
                continue
            place.write(self._policy.put, temporary(each), body)
            if clock() > ends_at:
                vi, en = "quá thời hạn trước khi đặt tên tệp", "the deadline has passed before the file had its name"
                raise NotSent(en, vi, where=name)
            try:
                place.move(self._policy.put, temporary(each), self._policy.put, each)
            except FileExistsError:
                place.remove(self._policy.put, temporary(each))
                # Whoever put it there meanwhile: it is this one, or it is another.
                self._there(place, each, body)

    def _there(self, place: Place, name: str, body: bytes) -> bool:
        """Say whether the file is there already; raise NotAllowed where another one has its name."""
        put = self._policy.put
        if place.look(put, name) is None:
            return False
        try:
            same = place.read(put, name, len(body)) == body
        except FileNotFoundError:
            return True  # taken away at this moment
        except (NotAFile, TooLarge, Changing):
            same = False
        if same:
            return True
        where = f"{self._places.address}/{put}/{name}"
        raise NotAllowed(
            f"{where}: there is another file of this name; look at it, and take it away",
            f"{where}: đã có tệp khác cùng tên; hãy kiểm tra và chuyển đi nơi khác",
            where=where,
        )

    def _look_again(self, name: str, body: bytes, sent: bytes, error: OSError) -> None:
        """After the connection was lost: the file is there, or still has its other name, or there is a doubt."""
        begun = False
        try:
            with self._places.lend() as place:
                if self._there(place, name, body):
                    return
                begun = place.look(self._policy.put, temporary(name)) is not None
        except (Away, Unsure):
            pass
        if begun:
            raise unusable(self._places.address, self._policy.put, error) from error
        raise self._doubt(str(error.args[-1]), name, sent) from error

    def _doubt(self, cause: str, name: str, sent: bytes) -> HubError:
        where = f"{self._places.address}/{self._policy.put}/{name}"
        error = InDoubt(
            f"{where}: {cause}; the partner may have the file",
            f"{where}: chưa rõ ({cause}); đối tác có thể đã lấy tệp",
            where=where,
        )
        error.sent = sent
        return error

    def _shown(self, name: str, outgoing: Outgoing) -> bytes:
        """Write a file for the record, as it went."""
        lines = [f"PUT {self._places.address}/{self._policy.put}/{name}", f"service: {outgoing.service}"]
        return "\r\n".join([*lines, "", ""]).encode() + outgoing.body
