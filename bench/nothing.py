"""A dynamic resource that does nothing: what Pulumi itself costs."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class _Provider(ResourceProvider):
    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("nothing", props)


class Nothing(Resource):
    """Holds a number."""

    def __init__(self, name: str, props: dict[str, Any]) -> None:
        super().__init__(_Provider(), name, props)
