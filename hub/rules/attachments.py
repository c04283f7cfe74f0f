"""How a message names a file that was given to the hub: by its address there, ``{hub}/attachments/sha256:…``.

The address stands where the partner's own format has the link of a file, so no format needs a field for it. A link to
anywhere else, and a file that travels inside the message, are left as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from hub.canonical.digests import DIGEST
from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.dossier import DossierMessage
from hub.errors import Fault

File = TypeVar("File", Attachment, ResultDocument)

#: What follows the hub's address in the address of a file.
PLACE = "/attachments/"
_NAME = "DuongDanTaiTepTin"


def address(public_url: str, digest: str) -> str:
    """Write the address of a file."""
    return f"{public_url.rstrip('/')}{PLACE}{digest}"


def digest_in(url: str, public_url: str) -> str:
    """Read the digest of one of our files in its address; empty where it is another's address."""
    before, place, digest = url.strip().rpartition(PLACE)
    ours = place and before == public_url.rstrip("/") and DIGEST.fullmatch(digest)
    return digest if ours else ""


def named(message: DossierMessage, public_url: str) -> tuple[tuple[str, str], ...]:
    """List the files of ours that a message names: where in the message, and the digest."""
    found = ((path, digest_in(url, public_url)) for path, url in _links(message))
    return tuple((path, digest) for path, digest in found if digest)


def _links(message: DossierMessage) -> Iterator[tuple[str, str]]:
    dossier = message.dossier
    for number, file in enumerate(dossier.attachments):
        yield f"/HoSo/TaiLieuNop/{number}/{_NAME}", file.url
    for number, supplement in enumerate(dossier.supplements):
        for place, file in enumerate(supplement.attachments):
            yield f"/HoSo/DanhSachHoSoBoSung/{number}/DanhSachGiayToBoSung/{place}/{_NAME}", file.url
    for number, result in enumerate(dossier.results):
        yield f"/HoSo/DanhSachGiayToKetQua/{number}/DuongDanTepTinKetQua", result.url
    if message.licence is not None:
        yield "/GiayPhep/DuongDan", message.licence.link


def addressed(message: DossierMessage, digests: Collection[str], public_url: str) -> DossierMessage:
    """Write our own address in place of the digest of each file that stood inside the message."""

    def there(url: str) -> str:
        return address(public_url, url) if url in digests else url

    def moved(files: tuple[File, ...]) -> tuple[File, ...]:
        return tuple(each.model_copy(update={"url": there(each.url)}) for each in files)

    dossier = message.dossier
    supplements = tuple(each.model_copy(update={"attachments": moved(each.attachments)}) for each in dossier.supplements)
    changed: dict[str, Any] = {
        "attachments": moved(dossier.attachments),
        "supplements": supplements,
        "results": moved(dossier.results),
    }
    update: dict[str, Any] = {"dossier": dossier.model_copy(update=changed)}
    if message.licence is not None:
        update["licence"] = message.licence.model_copy(update={"link": there(message.licence.link)})
    return message.model_copy(update=update)


def described(message: DossierMessage, sizes: Mapping[str, int], public_url: str) -> DossierMessage:
    """Write digest and size beside the address of each file of ours, for partners whose format has them."""
    dossier = message.dossier
    supplements = tuple(
        each.model_copy(update={"attachments": _filled(each.attachments, sizes, public_url)}) for each in dossier.supplements
    )
    changed: dict[str, Any] = {"attachments": _filled(dossier.attachments, sizes, public_url), "supplements": supplements}
    return message.model_copy(update={"dossier": dossier.model_copy(update=changed)})


def _filled(files: tuple[Attachment, ...], sizes: Mapping[str, int], public_url: str) -> tuple[Attachment, ...]:
    return tuple(_with_digest(each, digest_in(each.url, public_url), sizes) for each in files)


def _with_digest(file: Attachment, digest: str, sizes: Mapping[str, int]) -> Attachment:
    return file.model_copy(update={"digest": digest, "size": sizes[digest]}) if digest in sizes else file


def not_stored(path: str) -> Fault:
    """Say that a message names a file which its sender has not given to the hub."""
    return Fault(
        path,
        "not_stored",
        "trục không giữ tệp này của đơn vị gửi; hãy gửi tệp (POST /attachments) trước thông điệp",
        "the hub holds no such file of this sender; give the file (POST /attachments) before the message",
    )
