"""Names of what is called at AWS beside Lambda's and Bedrock's: SageMaker endpoints and state machines."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import ask

MACHINE = "arn:aws:states:{}:123456789012:stateMachine:{}"


@pytest.mark.parametrize(
    "host",
    [
        "runtime.sagemaker.eu-west-1.amazonaws.com",
        "runtime.sagemaker.eu-west-1.api.aws",
        "vpce-0a-1b.runtime.sagemaker.eu-west-1.vpce.amazonaws.com",
    ],
)
@pytest.mark.parametrize(
    "operation", ["invocations", "async-invocations", "invocations-response-stream"]
)
def test_a_sagemaker_endpoint_by_name(host: str, operation: str) -> None:
    there = ask(f"{host}/endpoints/score-1/{operation}", NO_BODY)

    assert (there.function, there.regions) == ("aws:sagemaker:score-1", ("eu-west-1",))
    assert not there.provisional


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/", "aws:sagemaker:?"),
        ("/endpoints/score-1", "aws:sagemaker:?"),
        ("/endpoints/a%2Fb/invocations", "aws:?:?"),
        ("/endpoints/arn%3Aaws%3Asagemaker%3Aus-east-1%3A123456789012%3Aendpoint%2Fx/invocations", "aws:sagemaker:?"),
    ],
)  # fmt: skip
def test_another_path_names_no_endpoint(path: str, function: str) -> None:
    assert ask(f"runtime.sagemaker.eu-west-1.amazonaws.com{path}", NO_BODY).function == function


@pytest.mark.parametrize(
    "host", ["states.eu-west-1.amazonaws.com", "sync-states.eu-west-1.amazonaws.com"]
)
@pytest.mark.parametrize(
    ("body", "function", "status"),
    [
        ({"stateMachineArn": MACHINE.format("eu-west-1", "Score")}, "aws:states:123456789012/Score", "declared"),
        ({"stateMachineArn": MACHINE.format("eu-west-1", "Score:PROD")}, "aws:states:123456789012/Score", "declared"),
        ({"stateMachineArn": MACHINE.format("us-east-1", "Score")}, "aws:states:123456789012/Score", "conflict"),
        ({"stateMachineArn": "Score"}, "aws:states:?", "unknown"),
        ({"stateMachineArn": [MACHINE.format("eu-west-1", "Score")]}, "aws:states:?", "unknown"),
        ({}, "aws:states:?", "declared"),
        (NO_BODY, "aws:states:?", "declared"),
        (PENDING, "aws:states:?", "unknown"),
        (UNREADABLE, "aws:states:?", "unknown"),
    ],
)  # fmt: skip
def test_a_state_machine_by_its_arn(host: str, body: object, function: str, status: str) -> None:
    there = ask(f"{host}/", body)

    assert (there.function, there.status) == (function, status)
    assert there.places.unknown == (status != "declared")
