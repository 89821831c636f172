"""AWS hosts: every documented shape, in every partition, and what only looks like one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residency.core.region.locate import NO_BODY
from tests.atlases import ask, build, shipped

TABLE = shipped().tables["aws"]
#: A partition's suffixes and one region of it.
PARTITIONS = {
    "aws": (("amazonaws.com", "api.aws"), "eu-central-1", "DE"),
    "aws-cn": (("amazonaws.com.cn", "api.amazonwebservices.com.cn"), "cn-northwest-1", "CN"),
    "aws-us-gov": (("amazonaws.com", "api.aws"), "us-gov-east-1", "US"),
    "aws-eusc": (("amazonaws.eu", "api.amazonwebservices.eu"), "eusc-de-east-1", "DE"),
    "aws-iso": (("c2s.ic.gov", "api.aws.ic.gov"), "us-iso-west-1", "US"),
    "aws-iso-b": (("sc2s.sgov.gov", "api.aws.scloud"), "us-isob-east-1", "US"),
    "aws-iso-e": (("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"), "eu-isoe-west-1", "GB"),
    "aws-iso-f": (("csp.hci.ic.gov", "api.aws.hci.ic.gov"), "us-isof-south-1", "US"),
}
SUFFIXES = sorted({s for suffixes, _, _ in PARTITIONS.values() for s in suffixes})


def regions(host: str) -> str:
    answer = ask(f"{host}/", NO_BODY)
    return " ".join(answer.regions) or str(answer.places)


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize(
    "service", ["kms", "kms-fips", "dynamodb", "runtime.sagemaker", "bucket.s3"]
)
def test_a_service_in_every_partition(partition: str, service: str) -> None:
    suffixes, region, place = PARTITIONS[partition]

    for suffix in suffixes:
        answer = ask(f"{service}.{region}.{suffix}/", NO_BODY)
        assert (answer.regions, str(answer.places)) == ((region,), place)


@pytest.mark.parametrize("region", sorted(TABLE.kinds["region"]))
def test_a_region_counts_only_under_a_suffix_of_its_partition(region: str) -> None:
    (own,) = (name for name, codes in TABLE.partitions.items() if region in codes)

    for suffix in SUFFIXES:
        expected = region if suffix in PARTITIONS[own][0] else "unknown"
        for service in (
            "kms",
            "s3",
            "b.s3",
            "lambda",
            "x-vpce-1.execute-api",
            "runtime.sagemaker",
        ):
            assert regions(f"{service}.{region}.{suffix}") == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("sqs.eu-west-2.amazonaws.com", "eu-west-2"),
        ("email-fips.us-east-2.amazonaws.com", "us-east-2"),
        ("fips.eks.us-east-1.amazonaws.com", "us-east-1"),
        ("fips.transcribe.ca-central-1.amazonaws.com", "ca-central-1"),
        ("runtime.sagemaker-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("runtime-fips.sagemaker.us-east-1.amazonaws.com", "us-east-1"),
        ("api-fips.sagemaker.us-east-1.amazonaws.com", "us-east-1"),
        ("data.iot-fips.us-east-1.amazonaws.com", "us-east-1"),
        ("memory-db-fips.us-west-1.amazonaws.com", "us-west-1"),
        ("query.timestream.eu-west-1.amazonaws.com", "eu-west-1"),
        ("query-cell1.timestream.eu-west-1.amazonaws.com", "eu-west-1"),
        ("streams.dynamodb.eu-north-1.amazonaws.com", "eu-north-1"),
        ("data.mediastore.eu-central-1.amazonaws.com", "eu-central-1"),
        ("portal.sso.eu-west-3.amazonaws.com", "eu-west-3"),
        ("api.tunneling.iot.eu-west-1.amazonaws.com", "eu-west-1"),
        ("data.jobs.iot.eu-west-1.amazonaws.com", "eu-west-1"),
        ("api.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("111111111111.ddb.eu-west-1.amazonaws.com", "eu-west-1"),
        ("123.data-kinesis.eu-west-1.amazonaws.com", "eu-west-1"),
        ("a.b.control-kinesis-pod1-fips.us-east-1.amazonaws.com", "us-east-1"),
        ("210987654321.eventsv2.eu-west-1.amazonaws.com", "eu-west-1"),
        ("123456789012.s3-control.eu-west-1.amazonaws.com", "eu-west-1"),
        ("eu-west-1.neptune-graph.amazonaws.com", "eu-west-1"),
        ("neptune-graph.eu-west-1.on.aws", "eu-west-1"),
        ("eu-west-1.signin.aws.amazon.com", "eu-west-1"),
        ("cn-north-1.signin.amazonaws.cn", "cn-north-1"),
        ("us-gov-west-1.signin.amazonaws-us-gov.com", "us-gov-west-1"),
        ("eu-west-1.queue.amazonaws.com", "eu-west-1"),
        ("queue.amazonaws.com", "us-east-1"),
        ("abc.lambda-url.eu-west-1.on.aws", "eu-west-1"),
        ("abc123.execute-api.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("execute-api.eu-west-1.amazonaws.com", "eu-west-1"),
        ("vpce-0a-1b.execute-api.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("abc123-vpce-0a1b.execute-api.eu-west-1.amazonaws.com", "eu-west-1"),
        ("abc.eu-west-1.awsapprunner.com", "eu-west-1"),
        ("search-logs-abc.eu-west-1.es.amazonaws.com", "eu-west-1"),
        ("abc.eu-west-1.aoss.amazonaws.com", "eu-west-1"),
        ("internal-web-1.eu-west-1.elb.amazonaws.com", "eu-west-1"),
        ("web-1.elb.eu-west-1.amazonaws.com", "eu-west-1"),
        ("ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "eu-west-1"),
        ("ec2-1-2-3-4.cn-north-1.compute.amazonaws.com.cn", "cn-north-1"),
        ("ec2-1-2-3-4.compute-1.amazonaws.com", "us-east-1"),
        ("abc-ats.iot.eu-west-1.amazonaws.com", "eu-west-1"),
        ("abc.credentials.iot.eu-west-1.amazonaws.com", "eu-west-1"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("pool.auth.eu-west-1.amazoncognito.com", "eu-west-1"),
        ("env.abc.eu-west-1.elasticbeanstalk.com", "eu-west-1"),
        ("vpce-0a-1b.kms.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0a-1b-eu-west-1a.kms.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0a-1b.runtime.sagemaker.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0a-1b.lambda.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("bucket.vpce-0a-1b.s3.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("my.data.bucket.vpce-0a-1b.s3.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0a-1b.vpce-svc-2c.eu-west-1.vpce.amazonaws.com", "unknown"),
        ("my-vpce-xyz.vpce.amazonaws.com", "unknown"),
    ],
)
def test_a_regional_host(host: str, expected: str) -> None:
    assert regions(host) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.with.dots.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("fips.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.s3-fips.dualstack.us-east-1.amazonaws.com", "us-east-1"),
        ("point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com", "eu-west-1"),
        ("point-123456789012.s3-object-lambda.eu-west-1.amazonaws.com", "eu-west-1"),
        ("b--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com", "eu-west-1"),
        (
            "b--euw1-az1--x-s3.s3express-fips-euw1-az1.dualstack.eu-west-1.amazonaws.com",
            "eu-west-1",
        ),
        ("s3express-control.eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3-eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.s3-eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3-fips-us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bucket.s3-website-eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.s3-website.eu-central-1.amazonaws.com", "eu-central-1"),
        ("s3-external-1.amazonaws.com", "us-east-1"),
        ("s3.amazonaws.com", "anywhere"),
        ("bucket.s3.amazonaws.com", "anywhere"),
        ("eu-west-1.s3.amazonaws.com", "anywhere"),
        ("s3.us-east-1.s3.amazonaws.com", "anywhere"),
        ("lambda.eu-west-1.s3.amazonaws.com", "anywhere"),
        ("s3.us-east-1.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("kms.us-east-1.amazonaws.com.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.s3-accelerate.amazonaws.com", "anywhere"),
        ("eu-west-1.s3-accelerate.dualstack.amazonaws.com", "anywhere"),
        ("abc.mrap.accesspoint.s3-global.amazonaws.com", "anywhere"),
        ("point-1.op-1.s3-outposts.eu-west-1.amazonaws.com", "unknown"),
        ("s3-outposts.eu-west-1.amazonaws.com", "unknown"),
        ("s3-cn-north-1.amazonaws.com", "unknown"),
        ("s3.eu-central-9.amazonaws.com", "unknown"),
        ("bucket.s3.eu-west-1.amazonaws.com.evil.example", "unknown"),
        ("s3.eu-west-1.notamazonaws.com", "unknown"),
    ],
)
def test_s3(host: str, expected: str) -> None:
    assert regions(host) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((f"{s}.amazonaws.com", "us-east-1") for s in ("iam", "route53", "savingsplans", "importexport", "waf", "sdb")),
        *((f"{s}.amazonaws.com", "us-east-1 us-gov-west-1") for s in ("budgets", "cloudfront")),
        ("budgets-fips.api.aws", "us-east-1 us-gov-west-1"),
        ("iam.global.api.aws", "us-east-1"),
        ("route53.global.api.aws", "us-east-1"),
        ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ("route53.us-gov.api.aws", "us-gov-west-1"),
        ("networkmanager.us-west-2.amazonaws.com", "us-west-2"),
        ("route53-recovery-control-config.us-west-2.amazonaws.com", "us-west-2"),
        ("pricingplanmanager.us-east-1.api.aws", "us-east-1"),
        ("support.us-east-1.amazonaws.com", "us-east-1"),
        ("organizations.us-east-1.amazonaws.com", "us-east-1"),
        ("route53.amazonaws.com.cn", "cn-northwest-1"),
        ("budgets.amazonaws.com.cn", "cn-northwest-1"),
        ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        *((f"{s}.amazonaws.eu", "eusc-de-east-1") for s in ("iam", "route53", "cloudfront")),
        ("global.health.amazonaws.com", "us-east-1 us-east-2"),
        ("sts.amazonaws.com", "anywhere"),
        ("sts.eu-west-1.amazonaws.com", "eu-west-1"),
        ("abc.def.endpoint.events.amazonaws.com", "anywhere"),
        ("abc.def.endpoints.email.amazonaws.com", "anywhere"),
        ("abc.def.endpoints.email.global.api.aws", "anywhere"),
        ("d111.cloudfront.net", "anywhere"),
        ("a1.awsglobalaccelerator.com", "anywhere"),
        ("lambda.amazonaws.com", "unknown"),
        ("whatever.amazonaws.com", "unknown"),
        ("whatever.us-gov.amazonaws.com", "unknown"),
        ("sts.amazonaws.com.cn", "unknown"),
    ],
)  # fmt: skip
def test_a_host_without_a_region(host: str, expected: str) -> None:
    assert regions(host) == expected


@pytest.mark.parametrize(
    "host",
    [
        "q.eu-west-1.amazonaws.com", "qbusiness.eu-west-1.api.aws", "quicksight.eu-west-1.amazonaws.com",
        "connect.eu-west-2.amazonaws.com", "participant.connect.eu-west-2.amazonaws.com", "wisdom.eu-west-2.amazonaws.com",
        "transform.eu-west-2.amazonaws.com", "runtime-v2-lex.eu-west-2.amazonaws.com", "runtime.lex.eu-west-1.amazonaws.com",
        "comprehend.eu-west-1.amazonaws.com", "guardduty.eu-west-1.amazonaws.com", "bedrock-agent.eu-west-1.amazonaws.com",
        "bedrock-data-automation-runtime.eu-west-1.amazonaws.com", "mturk-requester.us-east-1.amazonaws.com",
        "vpce-0a-1b.qbusiness.eu-west-1.vpce.amazonaws.com", "a-service-of-tomorrow.eu-west-1.amazonaws.com",
        "a.service-of-tomorrow.eu-west-1.amazonaws.com",
    ],
)  # fmt: skip
def test_a_service_that_may_hand_work_on_is_unknown_until_it_is_declared(host: str) -> None:
    pin = f"version: 1\ndestinations: [{{host: {host}, provider: aws, regions: [eu-west-1], owner: o, why: w}}]"
    atlas, faults = build(pin)

    assert regions(host) == "unknown"
    assert atlas, faults.found
    assert ask(f"{host}/", atlas=atlas).regions == ("eu-west-1",)


def test_an_operation_that_asks_a_model_is_unknown() -> None:
    host, target = "cloudtrail.eu-west-1.amazonaws.com/", "CloudTrail_20131101.{}"

    def ask_for(operation: str) -> tuple[str, ...]:
        return ask(host, NO_BODY, headers=(("x-amz-target", target.format(operation)),)).regions

    assert ask_for("LookupEvents") == ("eu-west-1",)
    assert ask_for("GenerateQuery") == ()


@pytest.mark.parametrize(
    ("host", "function"),
    [
        ("kms.eu-west-1.amazonaws.com", "aws:kms:?"),
        ("kms-fips.us-east-1.amazonaws.com", "aws:kms:?"),
        ("vpce-0a-1b.kms.eu-west-1.vpce.amazonaws.com", "aws:kms:?"),
        ("metrics.sagemaker.eu-west-1.amazonaws.com", "aws:sagemaker:?"),
        ("bucket.s3.eu-west-1.amazonaws.com", "aws:s3:?"),
        ("abc.execute-api.eu-west-1.amazonaws.com", "aws:execute-api:?"),
        ("iam.amazonaws.com", "aws:iam:?"),
    ],
)
def test_the_service_is_in_the_functions_name(host: str, function: str) -> None:
    assert ask(f"{host}/", NO_BODY).function == function


label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True)


@settings(deadline=None)
@given(st.lists(label, min_size=1, max_size=5), st.sampled_from(SUFFIXES), label)
def test_a_label_glued_to_a_suffix_gives_no_place(
    labels: list[str], suffix: str, glued: str
) -> None:
    for host in (f"{'.'.join(labels)}.{suffix}.{glued}", f"{'.'.join(labels)}.{glued}{suffix}"):
        assert regions(host) == "unknown"


@settings(deadline=None)
@given(st.sampled_from(sorted(TABLE.kinds["region"])), label)
def test_a_bucket_named_like_a_region_or_a_host_is_no_region(region: str, name: str) -> None:
    for bucket in (region, f"s3.{region}", f"{name}.{region}", f"{region}.{name}", f"s3-{region}"):
        assert regions(f"{bucket}.s3.eu-west-1.amazonaws.com") == "eu-west-1"
        assert regions(f"{bucket}.s3.amazonaws.com") == "anywhere"


@pytest.mark.parametrize(
    "service", ["execute-api", "execute-api-fips", "appsync-api", "appsync-realtime-api"]
)
def test_an_edge_that_may_end_tls_first_is_anywhere_unless_a_pin_says_more(service: str) -> None:
    host = f"abc123.{service}.eu-west-1.amazonaws.com"
    atlas, faults = build(
        f"version: 1\ndestinations:\n  - host: {host}\n    provider: aws\n    regions: [eu-west-1]\n"
        "    why: a regional API\n    owner: a@example.com\n    until: 2027-01-01\n"
    )
    faults.check()

    assert str(ask(f"{host}/", NO_BODY).places) == "anywhere"
    assert ask(f"{host}/", NO_BODY, atlas=atlas).regions == ("eu-west-1",)
