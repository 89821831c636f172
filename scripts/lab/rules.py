"""The shipped rules with the lab's issuer: what runs in the lab is the policy that operators get."""

import shutil
from pathlib import Path

from scripts.lab.issuer import APPROVER_AUDIENCE, AUDIENCE

ROOT = Path(__file__).resolve().parents[2]

_IDENTITY = """\
version: 1
issuers:
  - issuer: {url}
    audience: {audience}
    approver_audience: {approver_audience}
    algorithms: [RS256]
    keys: {{discovery: true}}
    groups: groups
"""


def lab_rules(folder: Path, issuer: str) -> Path:
    """Copy the shipped rules into *folder* and make the lab's *issuer* (a URL) the one that is believed."""
    shutil.copytree(ROOT / "rules", folder)
    text = _IDENTITY.format(url=issuer, audience=AUDIENCE, approver_audience=APPROVER_AUDIENCE)
    (folder / "identity.yaml").write_text(text, encoding="utf-8")
    return folder
