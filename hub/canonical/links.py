"""One address for each file: what a sender joined in one field is taken apart, and each file has its address for a partner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from hub.canonical.document import Attachment, ResultDocument
from hub.canonical.dossier import Dossier

File = TypeVar("File", Attachment, ResultDocument)

#: Between the addresses (and the names) of several files in one field, as one-stop software of provinces writes them.
SEPARATOR = "##"


def addresses(url: str) -> tuple[str, ...]:
    """Take the addresses of one field apart; none where it is empty."""
    return tuple(each.strip() for each in url.split(SEPARATOR) if each.strip())


def relinked(dossier: Dossier, links: Mapping[str, str]) -> Dossier:
    """Copy a dossier with one file in each item, at the address where this partner fetches it.

    ``links``: address in the message -> address for the partner; what is not in it stays as it is.
    """
    if not links and not any(SEPARATOR in file.url for file in _files(dossier)):
        return dossier
    supplements = tuple(
        each.model_copy(update={"attachments": _relinked(each.attachments, links)}) for each in dossier.supplements
    )
    changes: dict[str, Any] = {
        "attachments": _relinked(dossier.attachments, links),
        "results": _relinked(dossier.results, links),
        "supplements": supplements,
    }
    return dossier.model_copy(update=changes)


def _files(dossier: Dossier) -> Iterator[Attachment | ResultDocument]:
    yield from dossier.attachments
    yield from dossier.results
    for each in dossier.supplements:
        yield from each.attachments


def _relinked(files: Iterable[File], links: Mapping[str, str]) -> tuple[File, ...]:
    return tuple(each for file in files for each in _one_each(file, links))


def _one_each(file: File, links: Mapping[str, str]) -> Iterator[File]:
    urls = addresses(file.url)
    if len(urls) < 2:
        yield file.model_copy(update={"url": links.get(file.url.strip(), file.url)})
        return
    names = [each.strip() for each in file.name.split(SEPARATOR)]
    for place, url in enumerate(urls):
        told = names[place] if len(names) == len(urls) else f"{file.name} ({place + 1})"
        # Assumed: a receiver that keeps items by their identifier must not put one file over another.
        known = f"{file.id}.{place + 1}" if file.id and place else file.id
        yield file.model_copy(update={"url": links.get(url, url), "name": told, "id": known})
