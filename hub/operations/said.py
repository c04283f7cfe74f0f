"""What every verb of an operator needs: who, and why."""

from __future__ import annotations

from hub.errors import NotAllowed


def require(actor: str, why: str) -> None:
    """Raise NotAllowed where it is not said who does it, or why."""
    if not actor.strip() or not why.strip():
        raise NotAllowed(
            "an operator's verb needs who and why (--why)",
            "thao tác của người vận hành phải nêu người thực hiện và lý do (--why)",
            where="why",
        )
