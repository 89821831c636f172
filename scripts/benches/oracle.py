"""botocore's published endpoint tests as an oracle for the catalogue's AWS part.

Each test is a URL that the SDK must build from a region and other parameters. The oracle asks the catalogue where a call of
that URL may be processed. What is true, it takes from the test, never from the catalogue:

- the region that the request is signed for; else the region asked for, or a partition's own for its pseudo-region;
- ``anywhere`` where the request is signed for every region (``*``) and its host has none;
- the region in the host's name where the test names an endpoint of its own, whatever it is signed for (a VPC endpoint stays
  where it is);
- ``unknown`` where such an endpoint has no region in its name (``example.com``), where the region does not exist
  (``us-new-1``), for S3 on Outposts (the customer's premises), and for the services in ``ELSEWHERE``: botocore says where
  their endpoint is, and their documentation, or caution, that the work may be done in other regions.

``right`` is the very same answer: that one region, anywhere, or unknown. ``wider`` holds the true region and others, or is
anywhere. ``unknown`` says nothing of a call whose region is known: it fails closed. ``narrower`` leaves the true place
out, or names a place where the truth is unknown or anywhere: data could go where no rule lets it. There must be none.
"""

import datetime
import hashlib
import json
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.judge import head_from_url
from residency.core.region.atlas import Atlas, parse
from residency.core.region.destination import Destination
from residency.core.region.locate import NO_BODY, locate
from residency.errors import RegionError
from residency.files import shipped_rules
from scripts.lab.rules import ROOT

VERSION = "1.44.5"
DIGEST = "a988f39e3a4484def0b8010f41128f71157da0515a4804fccce4739aa8f216da"
CACHE = ROOT / ".cache"
ANYWHERE, UNKNOWN = "anywhere", "unknown"
VERDICTS = ("right", "wider", "unknown", "narrower")

#: Services, by botocore's name, whose regional endpoint does not say where the work is done; and why.
ELSEWHERE: Mapping[str, str] = {
    name: why
    for why, names in {
        "Bedrock: the model's id decides, and these URLs have none": (
            "bedrock", "bedrock-agent", "bedrock-agent-runtime", "bedrock-agentcore", "bedrock-agentcore-control",
            "bedrock-data-automation", "bedrock-data-automation-runtime", "bedrock-runtime",
        ),
        "cross-region inference, by the service's documentation": (
            "elementalinference", "guardduty", "qbusiness", "qconnect", "wisdom",
        ),
        "models, agents, people or devices behind it, so caution": (
            "agent-registry", "agent-registry-control", "aiops", "braket", "codecatalyst", "comprehend", "connect",
            "connect-contact-lens", "connecthealth", "connectparticipant", "connectscheduling", "continuum", "devops-agent",
            "lex-models", "lex-runtime", "lexv2-models", "lexv2-runtime", "mturk", "nova-act", "opensearchmemory", "qapps",
            "quicksight", "resiliencehub", "resiliencehubv2", "sagemaker-inference-router-runtime", "securityagent",
            "wellarchitected-agent",
        ),
    }.items()
    for name in names
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One URL, and where it is truly processed: a region, ``anywhere`` or ``unknown``, and why so."""

    service: str
    url: str
    truth: str
    why: str


@dataclass(frozen=True, slots=True)
class Score:
    """``counts`` by verdict; ``right`` ones by truth's why; ``misses`` are (verdict, case, answer)."""

    counts: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    misses: list[tuple[str, Case, str]] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.counts.total()

    @property
    def share(self) -> float:
        return self.counts["right"] / self.cases if self.cases else 0.0

    @property
    def withheld(self) -> int:
        """How many are right only by ``ELSEWHERE``: botocore alone would call them unknown."""
        return sum(n for why, n in self.right.items() if why in ELSEWHERE.values())


def sdist(cache: Path = CACHE) -> Path:
    """botocore's source archive, which alone holds the tests: from the cache, or by pip.

    Raises:
        RuntimeError: pip cannot get it, or it is not the published one.
    """
    path = cache / f"botocore-{VERSION}.tar.gz"
    if not path.is_file():
        cache.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "botocore",
             "--dest", str(cache), f"botocore=={VERSION}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode or not path.is_file():
            raise RuntimeError(f"pip cannot get the source of botocore {VERSION}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != DIGEST:
        raise RuntimeError(f"{path.name} is not the published one: remove it from {cache.name}/")
    return path


def cases(archive: Path) -> Iterator[Case]:
    """Every test of *archive* that expects a URL."""
    texts = _texts(archive)
    regions = _regions(json.loads(texts.pop("partitions.json")))
    for service, text in sorted(texts.items()):
        for test in json.loads(text)["testCases"]:
            if endpoint := test["expect"].get("endpoint"):
                truth, why = _truth(service, test["params"], endpoint, regions)
                yield Case(service, endpoint["url"], truth, why)


def _texts(archive: Path) -> dict[str, bytes]:
    """Each service's tests, and ``partitions.json``; read in one go, as the archive is compressed as a whole."""
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = member.name.split("/")
            if parts[1:] == ["botocore", "data", "partitions.json"]:
                name = parts[-1]
            elif parts[-1] == "endpoint-tests-1.json":
                name = parts[-2]
            else:
                continue
            if file := tar.extractfile(member):
                found[name] = file.read()
    return found


def _regions(partitions: dict[str, Any]) -> dict[str, str]:
    """Each region as itself, and each pseudo-region as the one that its partition stands for it."""
    found = {}
    for partition in partitions["partitions"]:
        for region in partition["regions"]:
            own = partition["outputs"]["implicitGlobalRegion"]
            found[region] = own if region.endswith("-global") else region
    return found


def _truth(
    service: str,
    params: Mapping[str, Any],
    endpoint: Mapping[str, Any],
    regions: Mapping[str, str],
) -> tuple[str, str]:
    schemes: Sequence[Mapping[str, Any]] = endpoint.get("properties", {}).get("authSchemes", [])
    labels = (urlsplit(endpoint["url"]).hostname or "").split(".")
    signed = next((s["signingRegion"] for s in schemes if "signingRegion" in s), None)
    region = regions.get(signed or params.get("Region", ""))
    if service in ELSEWHERE:
        return UNKNOWN, ELSEWHERE[service]
    if any(s.get("signingName") == "s3-outposts" for s in schemes):
        return UNKNOWN, "an Outpost stands at the customer's premises"
    if "Endpoint" in params or labels == ["localhost"]:
        return _own(labels, regions)
    if any(s.get("signingRegionSet") == ["*"] for s in schemes) and region not in labels:
        return ANYWHERE, "signed for every region"
    return (
        (region, "the region it is signed or asked for")
        if region
        else (UNKNOWN, "there is no such region")
    )


def _own(labels: Sequence[str], regions: Mapping[str, str]) -> tuple[str, str]:
    named = [label for label in labels if regions.get(label) == label]
    if len(named) == 1:
        return named[0], "the region in the name of the test's own endpoint"
    return UNKNOWN, "an endpoint of the test's own, without a region"


def aws_atlas() -> Atlas:
    """The shipped places with the AWS part of the shipped catalogue, and no pins."""
    faults, folder = Faults(), shipped_rules()
    places, entries = (
        [
            read(f.read_text(encoding="utf-8"), f.name, faults)
            for f in sorted((folder / name).glob(glob))
        ]
        for name, glob in (("places", "*.yaml"), ("catalogue", "aws*.yaml"))
    )
    atlas = parse(places, entries, None, faults)
    faults.check()
    assert atlas
    return atlas


def score(found: Iterator[Case], atlas: Atlas) -> Score:
    """What *atlas* answers to each case."""
    result = Score()
    for case in found:
        answer = _answer(atlas, case.url)
        verdict = judge(case.truth, answer)
        result.counts[verdict] += 1
        if verdict == "right":
            result.right[case.why] += 1
        else:
            result.misses.append((verdict, case, " ".join(answer.regions) or str(answer.places)))
    return result


def _answer(atlas: Atlas, url: str) -> Destination:
    try:
        head = head_from_url("POST", url)
    except RegionError:
        return Destination()  # what a gateway refuses
    return locate(atlas, head, NO_BODY, today=datetime.date.min)


def judge(truth: str, answer: Destination) -> str:
    """One of ``VERDICTS``."""
    said = set(answer.regions) or {ANYWHERE if answer.places.anywhere else UNKNOWN}
    if said == {truth}:
        return "right"
    if said == {UNKNOWN}:
        return "unknown"
    if truth != UNKNOWN and (said == {ANYWHERE} or truth in said):
        return "wider"
    return "narrower"


def oracle() -> Score:
    """All of botocore's tests against the shipped catalogue."""
    return score(cases(sdist()), aws_atlas())


def to_plain(found: Score) -> dict[str, Any]:
    return {
        "bench": "oracle",
        "botocore": VERSION,
        "cases": found.cases,
        **{verdict: found.counts[verdict] for verdict in VERDICTS},
        "share": round(found.share, 4),
        "withheld": found.withheld,
        "right_because": dict(found.right.most_common()),
        "misses": [
            {"verdict": v, "service": c.service, "url": c.url, "truth": c.truth, "answer": answer}
            for v, c, answer in found.misses
        ],
    }


def text(found: Score) -> str:
    """For people: the shares, what right means, and each kind of miss with an example."""
    lines = [f"botocore {VERSION}: {found.cases} URLs", ""]
    lines += [
        f"  {verdict:<10}{found.counts[verdict]:>7}{found.counts[verdict] / found.cases:>9.2%}"
        for verdict in VERDICTS
    ]
    lines += ["", "right, by what is true:"]
    lines += [f"  {count:>7}  {why}" for why, count in found.right.most_common()]
    lines += [
        "",
        f"{found.withheld} of the right ones are unknown on purpose: the region of their host is known, but their",
        "work may be done in other regions. Were that region the truth, the share would be "
        f"{(found.counts['right'] - found.withheld) / found.cases:.2%}, and still none narrower.",
        "",
        "not right:",
    ]
    kinds: dict[tuple[str, str], list[str]] = {}
    for verdict, c, answer in found.misses:
        said = f"{c.url} is {c.truth}, answered {answer}"
        kinds.setdefault((verdict, c.service), []).append(said)
    lines += [
        f"  {verdict:<9}{len(said):>4}  {service}: {said[0]}"
        for (verdict, service), said in sorted(kinds.items())
    ]
    return "\n".join(lines)
