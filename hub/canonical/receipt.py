"""A partner's answer to a delivery, read."""

from __future__ import annotations

from pydantic import Field

from hub.canonical.base import Frozen


class Receipt(Frozen):
    """The partner has it. A refusal, a busy sign or an unreadable answer is an error, not a receipt."""

    #: The partner's own code and text, as evidence.
    code: str = ""
    text: str = ""
    #: True: the partner says it had this already. Settles a doubt about these bytes; on a first
    #: attempt it means: held, content unknown, and the delivery is written again (as an update).
    already: bool = False
    #: What the partner is now known to hold for this dossier; merged into the chain's ``held``.
    held: dict[str, str] = Field(default_factory=dict)
    #: Numbers that the partner gives this dossier hereby, numbering -> number: joined to the dossier's others.
    numbers: dict[str, str] = Field(default_factory=dict)
    #: Number by which the partner is asked later what became of it, until it says its last word (``contract.Following``).
    follow: str = ""


class Finding(Frozen):
    """What an inquiry found: the partner holds it, does not, or its answer does not tell."""

    #: ``found``, ``absent`` or ``unknown``.
    outcome: str
    text: str = ""
    held: dict[str, str] = Field(default_factory=dict)
    #: Where it was found: as in a receipt.
    follow: str = ""
