"""The OpenAPI document is true: whatever it allows is answered as it says, and never by a failure of the server."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
SOME = settings(max_examples=25, deadline=None, suppress_health_check=QUIET, derandomize=True, database=None)


@pytest.mark.slow
def test_what_the_document_allows_is_answered_as_it_says(server_url):
    document = schemathesis.openapi.from_url(f"{server_url}/openapi.json")
    operations = [each.ok() for each in document.get_all_operations()]
    assert len(operations) >= 15
    for operation in operations:
        for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:
            SOME(given(operation.as_strategy(generation_mode=mode))(answer))()


def answer(case):
    case.call_and_validate(checks=CHECKS, timeout=60)
