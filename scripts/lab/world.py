"""All of it together: ``with Lab() as lab: …``."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from scripts.lab.answers import Answer, Received, answer
from scripts.lab.ca import Authority
from scripts.lab.gateway import Gateway, clean_environment
from scripts.lab.issuer import APPROVER_AUDIENCE, Issuer
from scripts.lab.rules import lab_rules
from scripts.lab.upstream import Upstream

HOSTS = (
    "lambda.eu-central-1.amazonaws.com",
    "bedrock-runtime.eu-central-1.amazonaws.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "api.openai.com",
    "us.api.openai.com",
    "functions.private.example.com",
)


class Lab:
    """Issuer, far sides and gateway, up from ``__enter__`` to ``__exit__``; then nothing is left.

    Args:
        hosts: What the far sides stand for.
        scripts: As ``Gateway``.
        extra_args: As ``Gateway``.
        env: As ``Gateway``.
        answers: What the far sides answer.
        edit: Called with the lab's rules folder before the gateway starts, to change rules.
    """

    issuer: Issuer
    upstream: Upstream
    gateway: Gateway

    def __init__(
        self,
        *,
        hosts: Sequence[str] = HOSTS,
        scripts: Sequence[str] = ("addons/chain.py",),
        extra_args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        answers: Callable[[Received], Answer] = answer,
        edit: Callable[[Path], None] = lambda _rules: None,
    ) -> None:
        self._hosts, self._answers, self._edit = hosts, answers, edit
        self._started: dict[str, Any] = {"scripts": scripts, "extra_args": extra_args, "env": env}
        self._stack = contextlib.ExitStack()
        self._starts = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
            self.authority = Authority(self.folder / "ca")
            self.issuer = stack.enter_context(Issuer())
            self.upstream = stack.enter_context(
                Upstream(self.authority, self._hosts, answers=self._answers)
            )
            self.rules = lab_rules(self.folder / "rules", self.issuer.url)
            self._edit(self.rules)
            self.gateway = self.start()
            stack.callback(self._stop_gateway)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _stop_gateway(self) -> None:
        # The one of then: a test may have put another in its place.
        self.gateway.stop()

    def start(self, **changes: Any) -> Gateway:
        """A gateway of this lab, ready, with *changes* to the arguments; whoever starts another one stops it.

        Raises:
            GatewayFailed: It did not become ready.
        """
        self._starts += 1
        usual = {
            "workdir": self.folder / f"gateway-{self._starts}",
            "confdir": self.folder / "confdir",
            "trust": self.authority.file,
            "resolve": self.upstream.resolve,
            **self._started,
        }
        return Gateway(self.rules, **(usual | changes))

    def token(self, *groups: str, subject: str = "svc-demo", **more: Any) -> str:
        """A caller's token."""
        return self.issuer.token(subject, groups, **more)

    def approver_token(
        self, *groups: str, subject: str = "olivia@example.com", **more: Any
    ) -> str:
        """An approver's token, of the group ``compliance`` unless *groups* are given."""
        more = {"audience": APPROVER_AUDIENCE, **more}
        return self.issuer.token(subject, groups or ("compliance",), **more)

    def token_file(self, token: str, name: str = "token") -> Path:
        """A file, for its owner alone, that holds *token*."""
        path = self.folder / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token)
        return path

    def client_env(self, token: str = "") -> dict[str, str]:
        """The environment of a service: the proxy, the CA, and keys of nobody for the SDKs."""
        proxy, ca = self.gateway.proxy_url(token), str(self.gateway.ca_file)
        return clean_environment() | {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "SSL_CERT_FILE": ca,
            "REQUESTS_CA_BUNDLE": ca,
            "CURL_CA_BUNDLE": ca,
            "AWS_CA_BUNDLE": ca,
            "AWS_ACCESS_KEY_ID": "AKIALAB",
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "OPENAI_API_KEY": "sk-lab",
        }
