"""Does a value agree with a schema of the OpenAPI description? As much of JSON Schema as that uses, and no more."""

from __future__ import annotations

from typing import Any

TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "description", "$ref"}


def problems(value: Any, schema: dict[str, Any], document: dict[str, Any], where: str = "") -> list[str]:
    """Return the differences between a value and its schema."""
    assert set(schema) <= KNOWN, schema
    if "$ref" in schema:
        target = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return problems(value, target, document, where)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(
        isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in types
    ):
        return [f"{where}: {value!r} is not of type {types}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is not one of {schema['enum']}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += problems(item, schema["items"], document, f"{where}/{number}")
    if isinstance(value, dict):
        members = schema.get("properties", {})
        found += [f"{where}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        more = schema.get("additionalProperties", True)
        for name, member in value.items():
            if name in members:
                found += problems(member, members[name], document, f"{where}/{name}")
            elif isinstance(more, dict):
                found += problems(member, more, document, f"{where}/{name}")
            elif not more:
                found.append(f"{where}: {name} is not described")
    return found
