"""Files that travel inside border documents: which of ours a message names, and their addresses here."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hub.canonical.border.message import BorderMessage
from hub.canonical.document import Attachment
from hub.rules import attachments


def named(message: BorderMessage, public_url: str) -> tuple[tuple[str, str], ...]:
    """List the files of ours that a message names: where in the message, and the digest."""
    found = ((path, attachments.digest_in(file.url, public_url)) for path, file in files_of(message))
    return tuple((path, digest) for path, digest in found if digest)


def addressed(message: BorderMessage, digests: Collection[str], public_url: str) -> BorderMessage:
    """Write our own address in place of the digest of each file that stood inside the message."""
    if message.phyto is None or not digests:
        return message
    changed = tuple(
        each.model_copy(update={"file": _moved(each.file, digests, public_url)}) if each.file else each
        for each in message.phyto.references
    )
    return message.model_copy(update={"phyto": message.phyto.model_copy(update={"references": changed})})


def files_of(message: BorderMessage) -> Iterator[tuple[str, Attachment]]:
    """Give each file of a message, with its place."""
    for number, each in enumerate(message.phyto.references if message.phyto else ()):
        if each.file is not None:
            yield f"/phyto/references/{number}/file", each.file


def _moved(file: Attachment, digests: Collection[str], public_url: str) -> Attachment:
    here = attachments.address(public_url, file.url) if file.url in digests else file.url
    return file.model_copy(update={"url": here})
