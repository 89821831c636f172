"""The AWS part of the catalogue against botocore's own endpoint tests (slow), and the oracle against what it must tell."""

import json
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from residency.core.places import ANYWHERE, Places
from residency.core.region.destination import Destination
from scripts.benches import oracle
from scripts.benches.oracle import Case, judge

IE = Places(frozenset(["IE"]))
IE_DE = Places(frozenset(["IE", "DE"]))


@pytest.mark.parametrize(
    ("truth", "answer", "verdict"),
    [
        ("eu-west-1", Destination(regions=("eu-west-1",), places=IE), "right"),
        ("anywhere", Destination(places=ANYWHERE), "right"),
        ("unknown", Destination(), "right"),
        ("eu-west-1", Destination(regions=("eu-central-1", "eu-west-1"), places=IE_DE), "wider"),
        ("eu-west-1", Destination(places=ANYWHERE), "wider"),
        ("eu-west-1", Destination(), "unknown"),
        ("anywhere", Destination(), "unknown"),
        ("us-east-1", Destination(regions=("eu-west-1",), places=IE), "narrower"),
        ("anywhere", Destination(regions=("eu-west-1",), places=IE), "narrower"),
        ("unknown", Destination(regions=("eu-west-1",), places=IE), "narrower"),
        ("unknown", Destination(places=ANYWHERE), "narrower"),
    ],
)
def test_what_an_answer_is_worth(truth: str, answer: Destination, verdict: str) -> None:
    assert judge(truth, answer) == verdict


def endpoint(url: str, *schemes: dict[str, object]) -> dict[str, object]:
    return {"url": url, "properties": {"authSchemes": list(schemes)}}


#: Service, parameters, endpoint, and what is true of it.
TESTS = [
    ("kms", {"Region": "eu-west-1"}, endpoint("https://kms.eu-west-1.amazonaws.com"), "eu-west-1"),
    ("iam", {"Region": "eu-west-1"}, endpoint("https://iam.amazonaws.com", {"signingRegion": "us-east-1"}), "us-east-1"),
    ("sts", {"Region": "aws-global"}, endpoint("https://sts.amazonaws.com"), "us-east-1"),
    ("kms", {"Region": "eu-new-1"}, endpoint("https://kms.eu-new-1.amazonaws.com"), "unknown"),
    ("events", {"Region": "eu-west-1"}, endpoint("https://a.b.endpoint.events.amazonaws.com", {"signingRegionSet": ["*"]}), "anywhere"),
    ("s3", {"Region": "eu-west-1", "Endpoint": "https://example.com"}, endpoint("https://b.example.com"), "unknown"),
    (
        "s3",
        {"Region": "af-south-1", "Endpoint": "https://control.vpce-1.s3.eu-west-1.vpce.amazonaws.com"},
        endpoint("https://b.control.vpce-1.s3.eu-west-1.vpce.amazonaws.com", {"signingRegion": "af-south-1"}),
        "eu-west-1",
    ),
    (
        "s3",
        {"Region": "eu-west-1"},
        endpoint(
            "https://p-1.op-1.s3-outposts.eu-west-1.amazonaws.com",
            {"signingName": "s3-outposts", "signingRegion": "eu-west-1"},
        ),
        "unknown",
    ),
    ("qbusiness", {"Region": "eu-west-1"}, endpoint("https://qbusiness.eu-west-1.api.aws"), "unknown"),
]  # fmt: skip
PARTITIONS = {
    "partitions": [
        {
            "outputs": {"implicitGlobalRegion": "us-east-1"},
            "regions": {r: {} for r in ("eu-west-1", "af-south-1", "us-east-1", "aws-global")},
        }
    ]
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A source archive with these tests, and one that expects an error."""
    path, root = tmp_path / "botocore.tar.gz", f"botocore-{oracle.VERSION}"
    files: dict[str, object] = {f"{root}/botocore/data/partitions.json": PARTITIONS}
    for service in {service for service, *_ in TESTS}:
        cases = [{"params": p, "expect": {"endpoint": e}} for s, p, e, _ in TESTS if s == service]
        failing = {"params": {}, "expect": {"error": "none"}}
        files[f"{root}/tests/{service}/endpoint-tests-1.json"] = {"testCases": [*cases, failing]}
    with tarfile.open(path, "w:gz") as tar:
        for name, value in files.items():
            info, text = tarfile.TarInfo(name), json.dumps(value).encode()
            info.size = len(text)
            tar.addfile(info, BytesIO(text))
    return path


@pytest.mark.parametrize(("service", "params", "found", "truth"), TESTS)
def test_truth_is_taken_from_the_test(
    service: str, params: dict[str, str], found: dict[str, object], truth: str
) -> None:
    regions = oracle._regions(PARTITIONS)

    assert oracle._truth(service, params, found, regions)[0] == truth


def test_a_sample_of_each_kind_is_answered_and_none_is_narrower(archive: Path) -> None:
    found = oracle.score(oracle.cases(archive), oracle.aws_atlas())

    assert found.counts == {"right": 8, "wider": 1}
    assert found.misses[0][1].url == "https://sts.amazonaws.com"


def test_a_wrong_catalogue_is_seen() -> None:
    case = Case("s3", "https://bucket.s3.eu-west-1.amazonaws.com", "anywhere", "as if")
    found = oracle.score(iter([case]), oracle.aws_atlas())

    assert found.counts == {"narrower": 1}
    assert "narrower" in oracle.text(found)
    assert oracle.to_plain(found)["narrower"] == 1


@pytest.mark.slow
def test_of_botocores_own_tests_99_in_100_are_right_and_none_is_narrower() -> None:
    found = oracle.oracle()

    assert found.cases > 12_000
    assert [case for verdict, case, _ in found.misses if verdict == "narrower"] == []
    assert found.share >= 0.99
    # What is unknown on purpose is told apart, and stays a small part.
    assert found.withheld / found.cases < 0.07
