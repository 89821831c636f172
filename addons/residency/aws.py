"""Credentials from the operator's AWS configuration, and signatures made with them: the optional extra ``aws``.

The one place that knows botocore. It is imported where a role of ``signing.yaml`` needs it, and nowhere else.

botocore asks every provider that a profile names (assume role, web identity, process, SSO, login, keys), and after those
the machine's own: a profile that names none would be the machine's role. Here it is no profile. botocore tells its log
of what it signs, tokens included; here its log is shut.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from residency.core.call import Headers
from residency.core.faults import Faults
from residency.core.signing import Role
from residency.errors import Fault, ResidencyError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest

#: What a profile itself may name, as botocore 1.44 calls it.
_OWN = frozenset(
    {
        "assume-role", "assume-role-with-web-identity", "config-file", "custom-process", "login",
        "shared-credentials-file", "sso",
    }
)  # fmt: skip


class CredentialsError(ResidencyError):
    """A profile has no credentials of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Credentials. Only ``key``, the access key's id, and ``arn``, the role's where the profile names one, may be shown.

    ``expires`` is Unix time in seconds; ``None`` if they do not say.
    """

    key: str
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    expires: float | None
    arn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSign:
    """A call as it is to be signed. ``url`` is in the spelling that counts; ``hashed``: with a header for its digest."""

    method: str
    url: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    service: str
    region: str
    hashed: bool


def fetch(profile: str) -> Keys:
    """The credentials of *profile*. Asks whomever it names, and waits for them: not for the loop.

    Raises:
        CredentialsError: The profile names none itself.
        Exception: Whatever botocore raises. What it says may quote a process's output, so it is not for a log.
    """
    _hush()
    import botocore.session

    session = botocore.session.Session(profile=profile)
    found = session.get_credentials()
    if found is None or found.method not in _OWN:
        raise CredentialsError("the profile names no credentials of its own")
    frozen = found.get_frozen_credentials()
    if not frozen.access_key or not frozen.secret_key:
        raise CredentialsError("the profile's credentials are empty")
    expiry = getattr(found, "_expiry_time", None)
    return Keys(
        key=frozen.access_key,
        secret=frozen.secret_key,
        token=frozen.token or None,
        expires=expiry.timestamp() if expiry else None,
        arn=session.get_scoped_config().get("role_arn"),
    )


def check(roles: Iterable[Role], faults: Faults) -> None:
    """Add a fault for each of *roles* whose profile the operator's AWS configuration does not have."""
    roles = list(roles)
    if not roles:
        return
    _hush()
    import botocore.exceptions
    import botocore.session

    try:
        there = set(botocore.session.Session().available_profiles)
    except botocore.exceptions.BotoCoreError as e:
        message = f"the AWS configuration cannot be read: {type(e).__name__}"
        mend = "mend ~/.aws/config, or what AWS_CONFIG_FILE names"
        faults.add(Fault("signing.yaml", 0, 0, "", message, mend))
        return
    mend = "add it to ~/.aws/config, or name the file with AWS_CONFIG_FILE"
    for role in roles:
        if role.profile not in there:
            message = f"there is no AWS profile {role.profile!r}"
            faults.add(Fault("signing.yaml", 0, 0, f"role {role.name}", message, mend))


def sign(call: ToSign, keys: Keys) -> Headers:
    """The headers that make *call* one of *keys*, as of now."""
    _hush()
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    request = AWSRequest(method=call.method, url=call.url, data=call.body)
    for name, value in call.headers:
        request.headers[name] = value
    credentials = ReadOnlyCredentials(keys.key, keys.secret, keys.token)
    # S3 signs paths as they are, elsewhere they are encoded twice.
    is_s3 = call.service.startswith("s3")
    signer = S3SigV4Auth if is_s3 else SigV4Auth
    auth = signer(credentials, call.service, call.region)
    if call.hashed and not is_s3:
        request.headers["X-Amz-Content-SHA256"] = auth.payload(request)
    auth.add_auth(request)
    return _made(request)


def _made(request: "AWSRequest") -> Headers:
    names = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-SHA256")
    found = ((name, request.headers.get_all(name) or []) for name in names)
    return tuple((name, str(values[0])) for name, values in found if len(values) == 1)


def _hush() -> None:
    # Whatever level the root has: at DEBUG, whole requests are told; at WARNING, what a process printed.
    log = logging.getLogger("botocore")
    log.propagate = False
    log.setLevel(logging.CRITICAL + 1)
