"""Elements whose text a schema does not look at: such a text need not be in the tree while that is validated."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from lxml import etree

from hub.rules import xml

XS = "{http://www.w3.org/2001/XMLSchema}"
#: By these an element's text is compared with others.
_IDENTITIES = (f"{XS}unique", f"{XS}key", f"{XS}keyref")
#: Attributes of a declaration that ask nothing of the text.
_PLAIN_KEYS = frozenset({"name", "type", "minOccurs", "maxOccurs"})


@lru_cache(maxsize=1024)
def free_texts(file: Path) -> frozenset[str]:
    """Name the elements that are plain strings wherever a schema file, or one that it includes, declares them."""
    documents = list(_documents(file, {}).values())
    if any(next(each.iter(*_IDENTITIES), None) is not None for each in documents):
        return frozenset()
    declared = [one for each in documents for one in each.iter(f"{XS}element") if one.get("name")]
    looked_at = {one.get("name") for one in declared if not _is_free(one)}
    return frozenset(str(one.get("name")) for one in declared) - looked_at


def _documents(file: Path, found: dict[Path, etree._Element]) -> dict[Path, etree._Element]:
    """Read a schema file and all that it names."""
    if file not in found:
        found[file] = xml.parse(file.read_bytes())
        for node in found[file]:
            if location := node.get("schemaLocation"):
                _documents(file.parent / location, found)
    return found


def _is_free(declaration: etree._Element) -> bool:
    prefix, _, name = declaration.get("type", "").rpartition(":")
    is_string = name == "string" and f"{{{declaration.nsmap.get(prefix or None)}}}" == XS
    return is_string and not len(declaration) and _PLAIN_KEYS.issuperset(declaration.keys())
