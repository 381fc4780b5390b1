"""The description of the API as tests read it."""

import json
from typing import Any

import yaml

from tests.repo import tree

COMMITTED = tree.ROOT / "docs" / "api" / "openapi.yaml"


def description() -> dict[str, Any]:
    """Return the description that is committed."""
    found: dict[str, Any] = yaml.safe_load(COMMITTED.read_text())
    return found


def json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of the description as JSON Schema has it: what is `nullable` may be null there."""
    document = json.loads(json.dumps({**schema, "components": description()["components"]}))
    for named in document["components"]["schemas"].values():
        for name, one in named.get("properties", {}).items():
            if one.pop("nullable", False):
                named["properties"][name] = {"anyOf": [one, {"type": "null"}]}
    return {**document, "$schema": "https://json-schema.org/draft/2020-12/schema"}
