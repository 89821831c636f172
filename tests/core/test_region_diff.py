"""What is published and the catalogue has not: each kind of difference, and none where there is none."""

import dataclasses

import pytest

from residency.core.document import fit, read
from residency.core.faults import Faults
from residency.core.region.diff import Change, differences
from residency.core.region.published import Partition, Published, PublishedError, parse
from residency.core.region.tables import RegionsFile
from tests.atlases import RULES, shipped

ENDPOINTS: dict[str, object] = {"partitions": [{"services": {}}]}


def table() -> RegionsFile:
    faults = Faults()
    text = (RULES / "places" / "aws.yaml").read_text(encoding="utf-8")
    found = fit(read(text, "aws.yaml", faults), RegionsFile, faults)
    assert found
    return found


def as_known() -> dict[str, Partition]:
    """The partitions as the shipped table has them."""
    own = table()
    return {
        name: Partition(
            frozenset(partition.suffixes),
            {code: row.described for code, row in own.regions.items() if row.partition == name},
        )
        for name, partition in own.partitions.items()
    }


def changes(partitions: dict[str, Partition], *hosts: str) -> list[Change]:
    found = differences(table(), shipped(), Published(partitions, frozenset(hosts)))
    return [change for change in found if change.what != "service"]


def test_what_is_known_is_no_difference() -> None:
    assert (
        changes(as_known(), "kms.{region}.{suffix}", "x.s3.{region}.{suffix}", "iam.amazonaws.com")
        == []
    )


def test_a_new_region_is_added() -> None:
    partitions = as_known()
    new = {**partitions["aws"].regions, "eu-central-3": "Europe (Nowhere)"}
    partitions["aws"] = dataclasses.replace(partitions["aws"], regions=new)

    assert changes(partitions) == [
        Change("region", "added", "eu-central-3", now="aws: Europe (Nowhere)")
    ]


def test_a_region_that_is_gone() -> None:
    partitions = as_known()
    rest = {c: w for c, w in partitions["aws"].regions.items() if c != "eu-west-1"}
    partitions["aws"] = dataclasses.replace(partitions["aws"], regions=rest)

    assert changes(partitions) == [Change("region", "gone", "eu-west-1", was="aws")]


def test_a_region_in_other_words_or_another_partition() -> None:
    partitions = as_known()
    moved = {**partitions["aws"].regions, "eu-west-1": "Europe (Elsewhere)"}
    partitions["aws"] = dataclasses.replace(partitions["aws"], regions=moved)
    partitions["aws-eusc"] = Partition(frozenset(["amazonaws.eu", "api.amazonwebservices.eu"]), {})
    partitions["aws-cn"] = dataclasses.replace(
        partitions["aws-cn"],
        regions={
            **partitions["aws-cn"].regions,
            "eusc-de-east-1": "AWS European Sovereign Cloud (Germany)",
        },
    )

    assert changes(partitions) == [
        Change("region", "changed", "eu-west-1", was="Europe (Ireland)", now="Europe (Elsewhere)"),
        Change("region", "changed", "eusc-de-east-1", was="aws-eusc", now="aws-cn"),
    ]


def test_partitions_and_suffixes_that_come_and_go() -> None:
    partitions = as_known()
    del partitions["aws-iso-f"]
    partitions["aws-new"] = Partition(frozenset(["aws.example"]), {})
    partitions["aws-cn"] = dataclasses.replace(
        partitions["aws-cn"], suffixes=frozenset(["amazonaws.com.cn", "api.aws.cn"])
    )

    assert {(c.what, c.kind, c.name) for c in changes(partitions)} == {
        ("partition", "gone", "aws-iso-f"),
        ("partition", "added", "aws-new"),
        ("suffix", "gone", "api.amazonwebservices.com.cn"),
        ("suffix", "added", "api.aws.cn"),
        ("region", "gone", "us-isof-east-1"),
        ("region", "gone", "us-isof-south-1"),
    }


@pytest.mark.parametrize(
    "host",
    [
        "a-service-of-tomorrow.{region}.{suffix}",
        "x.new.{region}.{suffix}",
        "other.pricing.{region}.{suffix}",
        "{region}.kms.example",
        "kms.{region}.aws.example",
        "new.global.api.aws",
    ],
)
def test_a_host_that_the_catalogue_does_not_name_is_added(host: str) -> None:
    assert changes(as_known(), host) == [Change("host", "added", host)]


def test_a_service_that_nobody_publishes_any_more_is_gone() -> None:
    found = differences(
        table(), shipped(), Published(as_known(), frozenset(["kms.{region}.{suffix}"]))
    )
    gone = {change.name for change in found if change.kind == "gone"}

    assert "sqs" in gone
    assert "kms" not in gone


PARTITIONS = {
    "partitions": [
        {
            "id": "aws",
            "outputs": {"dnsSuffix": "amazonaws.com", "dualStackDnsSuffix": "api.aws"},
            "regions": {
                "eu-west-1": {"description": "Europe (Ireland)"},
                "aws-global": {"description": "g"},
            },
        }
    ]
}


def test_published_hosts_are_read_from_rule_sets_and_endpoints() -> None:
    rules = {
        "rules": [
            {
                "rules": [
                    {
                        "endpoint": {
                            "url": "https://a-fips.{Region}.{PartitionResult#dualStackDnsSuffix}"
                        }
                    }
                ]
            },
            {
                "endpoint": {
                    "url": "https://{AccountId}.b.{bucketArn#region}.{arnPartition#dnsSuffix}/{Bucket}"
                }
            },
            {"endpoint": {"url": {"ref": "Endpoint"}}},
            {"endpoint": {"url": "{url#scheme}://{Bucket}.{url#authority}"}},
            {"endpoint": {"url": "{Endpoint}"}},
        ]
    }
    services = {
        "c": {"endpoints": {"eu-west-1": {}}, "defaults": {"variants": [{"hostname": "c-fips.{region}.{dnsSuffix}"}]}},
        "d": {"endpoints": {"aws-global": {"hostname": "d.amazonaws.com"}}},
    }  # fmt: skip

    found = parse(PARTITIONS, {"partitions": [{"services": services}]}, [rules])

    assert found.partitions["aws"].regions == {"eu-west-1": "Europe (Ireland)"}
    assert found.hosts == {
        "a-fips.{region}.{suffix}", "x.b.{region}.{suffix}", "c.{region}.{suffix}", "c-fips.{region}.{suffix}",
        "d.amazonaws.com",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("partitions", "endpoints"),
    [([], ENDPOINTS), ({}, ENDPOINTS), ({"partitions": [{"id": "aws"}]}, ENDPOINTS), (PARTITIONS, {}), (PARTITIONS, None)],
)  # fmt: skip
def test_another_form_is_refused(partitions: object, endpoints: object) -> None:
    with pytest.raises(PublishedError, match="not of the form"):
        parse(partitions, endpoints, [])
