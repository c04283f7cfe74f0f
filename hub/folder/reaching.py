"""Open a partner's folders, lend them to threads, see whether they can be worked with, and say why not to who can mend it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hub.endpoint import Endpoint, FolderPolicy, folder_of
from hub.errors import NotSent
from hub.folder.local import LocalPlace
from hub.folder.places import Away, Place, Unsure
from hub.rules.folder_names import Address, read_address

#: Connections that are kept for the next.
IDLE = 4
#: Written and removed again, to see whether that is allowed.
_TRIAL = ".lienthong-check.part"

#: errno -> what must be mended, in Vietnamese and English.
_MEND = {
    errno.EACCES: ("trục không có quyền đọc hoặc ghi ở đây", "the hub may not read or write here"),
    errno.EPERM: ("trục không có quyền đọc hoặc ghi ở đây", "the hub may not read or write here"),
    errno.ENOENT: ("không có thư mục này", "there is no such folder"),
    errno.ENOTDIR: ("đây không phải thư mục, hoặc là liên kết", "this is no folder, or a link"),
    errno.ELOOP: ("đây là liên kết; phải là thư mục thật", "this is a link; it must be a folder itself"),
    errno.ENOSPC: ("hết dung lượng đĩa", "the disk is full"),
    errno.EDQUOT: ("hết hạn mức đĩa", "the disk quota is used up"),
    errno.EROFS: ("chỉ đọc được; thêm thư mục vào ReadWritePaths", "it is read-only; add the folder to ReadWritePaths"),
    errno.EILSEQ: ("có tệp mà tên không phải UTF-8; hãy đổi tên tệp đó", "a file's name there is not UTF-8; rename that file"),
    errno.EXDEV: ("các thư mục phải cùng một hệ thống tệp", "the folders must be on one file system"),
}


class Places:
    """The folders of one endpoint, for several threads; over SFTP each thread has a connection, and idle ones are kept."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.policy: FolderPolicy = folder_of(endpoint)
        self.address: Address = read_address(self.policy.url, f"endpoints/{endpoint.name}.toml [folder]")
        self._idle: list[Place] = []
        self._lock = threading.Lock()

    @contextmanager
    def lend(self) -> Iterator[Place]:
        """Lend the folders; raises Away where they cannot be reached."""
        place = self._waiting() or self._opened()
        try:
            yield place
        except (Away, Unsure):
            place.close()
            raise
        except BaseException:
            self._give_back(place)
            raise
        self._give_back(place)

    def close(self) -> None:
        """Hang up what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for place in idle:
            place.close()

    def _opened(self) -> Place:
        if not self.address.host:
            return LocalPlace(self.address.path)
        # paramiko takes a moment to load, which a hub without such partners should not pay.
        from hub.folder.sftp import SftpPlace  # noqa: PLC0415

        return SftpPlace(self.address, self.policy)

    def _waiting(self) -> Place | None:
        """Give an idle connection that still answers: servers hang up on those that say nothing for long."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                place = self._idle.pop()
            with suppress(OSError):
                place.look("", ".")
                return place
            place.close()

    def _give_back(self, place: Place) -> None:
        with self._lock:
            if len(self._idle) < IDLE:
                self._idle.append(place)
                return
        place.close()


def unusable(address: Address, folder: str, error: OSError) -> NotSent:
    """Say why nothing was put, or cannot be taken."""
    place = f"{address}/{folder}" if folder else str(address)
    vi, en = _MEND.get(error.errno or 0, ("không dùng được", "it cannot be used"))
    if isinstance(error, Away | Unsure):
        vi, en = "không kết nối được", "it cannot be reached"
    # Never its text of a file's name; what a server said of a connection helps.
    lost = isinstance(error, Away | Unsure) and len(error.args) > 1
    why = str(error.args[1]) if lost else errno.errorcode.get(error.errno or 0, type(error).__name__)
    return NotSent(f"{place}: {en} ({why})", f"{place}: {vi} ({why})", where=place)


def look_at(places: Places) -> str:
    """See whether every folder is there and may be worked in; raise NotSent where not."""
    policy, at = places.policy, ""
    taking = [policy.take, policy.taken, policy.refused] if policy.take else []
    writing = [each for each in ((policy.answers,) if policy.take else ()) if each] + ([policy.put] if policy.put else [])
    if policy.put and policy.delivered == "answered":
        taking += [policy.replies, policy.taken] if not policy.take else [policy.replies]
    try:
        with places.lend() as place:
            for at in writing:
                place.write(at, _TRIAL, b"")
                place.remove(at, _TRIAL)
            for number, at in enumerate(taking):
                if not number:
                    place.write(at, _TRIAL, b"")
                else:
                    place.remove(at, _TRIAL)
                    place.move(taking[number - 1], _TRIAL, at, _TRIAL)
            if taking:
                place.remove(taking[-1], _TRIAL)
    except OSError as error:
        raise unusable(places.address, at, error) from error
    return f"{places.address}: {', '.join(dict.fromkeys((*taking, *writing)))}"
