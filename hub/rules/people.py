"""Who may do what: roles, the scope of a person, and the one question that every verb asks before it is carried out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hub.errors import Forbidden
from hub.rules.verbs import VERBS


class Role(StrEnum):
    """What a person is there for; one may have several."""

    VIEWER = "viewer"
    OFFICER = "catalogue_officer"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody at work: who, in which roles, on what part of the hub."""

    #: Stands in the journal.
    login: str
    name: str = ""
    roles: frozenset[Role] = frozenset()
    #: Names of the endpoints this person works on; None = on all.
    scope: frozenset[str] | None = None
    #: Verbs that a token is limited to; None = whatever the roles allow.
    verbs: frozenset[str] | None = None

    def may(self, verb: str) -> bool:
        """Say whether a verb belongs to one of the roles; raises KeyError where there is no such verb."""
        return bool(VERBS[verb].roles & self.roles) and (self.verbs is None or verb in self.verbs)

    def sees(self, endpoint: str) -> bool:
        """Say whether an endpoint is within the scope."""
        return self.scope is None or endpoint in self.scope


def check(person: Person, verb: str, endpoints: Iterable[str] = ()) -> None:
    """Raise Forbidden where a person may not do this, or not on one of these endpoints."""
    if not person.may(verb):
        raise Forbidden(
            f"{person.login} may not {verb}; it needs one of the roles {', '.join(sorted(VERBS[verb].roles))}",
            f"tài khoản {person.login} không được dùng thao tác {verb}; cần một trong các vai trò "
            f"{', '.join(sorted(VERBS[verb].roles))}",
            where=verb,
        )
    if not all(map(person.sees, endpoints)):
        # Which endpoint it is would already say something about what this person may not see.
        raise Forbidden(
            f"this is outside of what {person.login} works on",
            f"nội dung này nằm ngoài phạm vi công tác của tài khoản {person.login}",
            where=verb,
        )
