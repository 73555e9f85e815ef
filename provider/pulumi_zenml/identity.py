"""Whose a schedule is: a key that only one stack's state holds, with names for people."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

KEY_LENGTH = 12

Mark = Literal["new", "old", "busy", "gone"]
"""What a record is in the middle of: being created, replaced, changed in place, or deleted."""

MARKS: tuple[Mark, ...] = ("new", "old", "busy", "gone")

_MARK = "~pulumi-"
_MARKED_NAME_LENGTH = 180
_HASH_LENGTH = 8


@dataclass(frozen=True)
class Owner:
    """One resource of one Pulumi stack.

    Args:
        key: the stack's ownership key: random, and held by that stack's state alone. Equal names
            in two backends have different keys.
        label: ``<organization>/<project>/<stack>/<resource name>``, for people.
    """

    key: str
    label: str

    @property
    def resource(self) -> str:
        """The resource's name."""
        return self.label.split("/", 3)[-1]

    @property
    def stack(self) -> str:
        """The name of the Pulumi stack; empty where the label has none."""
        parts = self.label.split("/", 3)
        return parts[2] if len(parts) > 3 else ""

    @property
    def text(self) -> str:
        """Both parts in one line, as written on a record or a counterpart."""
        return f"{self.label}#{self.key}" if self.key else self.label

    @property
    def identity(self) -> tuple[str, str]:
        """What tells one resource from all others: its stack's key, and its name."""
        return self.key, self.resource

    def is_same(self, other: Owner | None) -> bool:
        """Whether both are one resource of one stack, whatever their labels say beside it."""
        return other is not None and bool(self.key) and self.identity == other.identity


NOBODY = Owner("", "")


def new_key() -> str:
    """A key that no other stack has."""
    return secrets.token_hex(KEY_LENGTH // 2)


def read_owner(text: str | None) -> Owner | None:
    """What :attr:`Owner.text` wrote; ``None`` for an empty text."""
    if not text:
        return None
    label, mark, key = text.rpartition("#")
    return Owner(key, label) if mark else Owner("", text)


@dataclass(frozen=True)
class MarkedName:
    """The name of a record that is in the middle of something.

    Args:
        base: the beginning of the name it had, or is to have.
        mark: what it is in the middle of.
        key: the key of the stack that is at it.
        resource: a short hash of the resource's name.
    """

    base: str
    mark: Mark
    key: str
    resource: str

    def belongs_to(self, owner: Owner) -> bool:
        """Whether ``owner`` is at it."""
        return bool(owner.key) and (self.key, self.resource) == (owner.key, _hash(owner.resource))


def mark_name(name: str, mark: Mark, owner: Owner) -> str:
    """A unique name that says who is in the middle of what.

    It stays below the 218 characters that ZenML can archive: archiving appends 37 to a name that
    may have 255 (zenml 0.98 zen_stores.schemas.schedule_schema).
    """
    base = name.partition(_MARK)[0][:_MARKED_NAME_LENGTH]
    key = owner.key or "0" * KEY_LENGTH
    return f"{base}{_MARK}{mark}-{key}-{_hash(owner.resource)}-{secrets.token_hex(2)}"


def read_marked_name(name: str) -> MarkedName | None:
    """What :func:`mark_name` wrote; ``None`` for any other name."""
    base, found, rest = name.rpartition(_MARK)
    parts = rest.split("-")
    mark = next((it for it in MARKS if it == parts[0]), None)
    if not found or len(parts) != 4 or mark is None:
        return None
    return MarkedName(base, mark, parts[1], parts[2])


def name_fragment(key: str) -> str:
    """What every marked name of a stack contains, to list them with one request."""
    return f"-{key}-"


def _hash(resource: str) -> str:
    return hashlib.sha256(resource.encode()).hexdigest()[:_HASH_LENGTH]
