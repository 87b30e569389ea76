"""The parameters after the question mark of a path: those that an endpoint does not have are refused by name."""

from __future__ import annotations

from fastapi import Request

from gen_engine.errors import brief

from .errors import refusal


async def check_query(request: Request) -> None:
    """What all endpoints depend on. Raises HTTPException for a parameter that is unknown, or given twice."""
    known = {each.alias for each in request.scope["route"].dependant.query_params}
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            what = f"it takes {', '.join(sorted(known))}" if known else "fields belong in the body, as JSON"
            what = what if known or request.method == "POST" else "leave it out"
            raise _refused(name, f"the path has no such parameter; {what}")
        if name in seen:
            raise _refused(name, "it is given twice; give it once")
        seen.add(name)


def _refused(name: str, what: str) -> Exception:
    return refusal(f"{brief(name)}: {what}.", code="invalid", param=brief(name), status=422)
