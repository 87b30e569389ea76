"""Requests made from the documentation of the endpoints, right and wrong ones: none makes the server fail."""

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import data
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from starlette.exceptions import HTTPException
from told_engines import ToldRouter

from gen_serve.api import chat, completions, models
from gen_serve.api.errors import on_invalid, on_refused

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]


def operations():
    """The documented operations of these endpoints, whose engines are told; nothing is started."""
    app = FastAPI()
    app.state.router = ToldRouter()
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_refused)
    for each in (models, completions, chat):
        app.include_router(each.routes())
    return [found.ok() for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations()]


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("operation", operations(), ids=lambda each: each.label)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data())
def test_documented_requests_get_documented_answers(operation, mode, drawn):
    if operation.body or mode is GenerationMode.POSITIVE:  # nothing else can be wrong
        drawn.draw(operation.as_strategy(generation_mode=mode)).call_and_validate(checks=CHECKS)
