"""Software as a service, one case for each documented host; look-alikes first."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING
from tests.atlases import ask, build, shipped

EU = " ".join(sorted(shipped().jurisdictions.members["EU"]))


def places(host: str) -> str:
    return str(ask(host + "/x", NO_BODY).places)


@pytest.mark.parametrize(
    "host",
    [
        "api.dublin.ie1.twilio.com.evil.example",
        "api.x.dublin.ie1.twilio.com",
        "api.dublin.ie2.twilio.com",
        "api.dublin.eu-west-1.twilio.com",
        "api.ie1.twilio.com",
        "api.us1.twilio.com",
        "video.twilio.com",
        "ap9.datadoghq.com",
        "api.ap9.datadoghq.com",
        "http-intake.logs.ap9.datadoghq.com",
        "a.b.c.us3.datadoghq.com",
        "datadoghq.com.evil.example",
        "xdatadoghq.eu",
        "browser-intake-datadoghq.eu",
        "org.ingest.fr.sentry.io",
        "org.sentry.io",
        "xus.i.posthog.com",
        "us.i.posthog.com.evil.example",
        "api.eu.sendgrid.com.evil.example",
        "eu.api.sendgrid.com",
        "xapi.mailgun.net",
        "tenant.fr.auth0.com",
        "a.tenant.eu.auth0.com",
        "rest.fra-01.braze.com",
        "rest.iad-01.braze.eu",
        "rest.au-02.braze.com",
        "api-eu4.hubapi.com",
        "stack.aws-eu-west-9-0.grafana.net",
        "stack.aws-europe-west3-0.grafana.net",
        "stack.gcp-eu-west-1-0.grafana.net",
        "a.stack.aws-eu-west-1-0.grafana.net",
        "prometheus-prod-eu-west-2.grafana.net",
        "otlp-gateway-prod-eu-west-2.grafana.net",
        "app.fr.launchdarkly.com",
        "slack-gov.com.evil.example",
        "tenant.okta-emea.com.evil.example",
    ],
)
def test_a_look_alike_has_no_place(host: str) -> None:
    assert places(host) == "unknown"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.twilio.com", "US"),
        ("api.dublin.ie1.twilio.com", "IE"),
        ("api.sydney.au1.twilio.com", "AU"),
        ("api.tokyo.jp1.twilio.com", "JP"),
        ("api.ashburn.us1.twilio.com", "US"),
        ("api.dublin.us1.twilio.com", "US"),
        ("taskrouter.dublin.ie1.twilio.com", "IE"),
        ("api.datadoghq.com", "US"),
        ("http-intake.logs.datadoghq.com", "US"),
        ("api.us3.datadoghq.com", "US"),
        ("http-intake.logs.us5.datadoghq.com", "US"),
        ("api.datadoghq.eu", "DE"),
        ("http-intake.logs.datadoghq.eu", "DE"),
        ("api.ap1.datadoghq.com", "JP"),
        ("api.ap2.datadoghq.com", "AU"),
        ("api.uk1.datadoghq.com", "GB"),
        ("api.ddog-gov.com", "US"),
        ("api.us2.ddog-gov.com", "US"),
        ("o1.ingest.us.sentry.io", "US"),
        ("o1.ingest.de.sentry.io", "DE"),
        ("o1.ingest.sentry.io", "US"),
        ("us.sentry.io", "US"),
        ("de.sentry.io", "DE"),
        ("sentry.io", "unknown"),
        ("collector.newrelic.com", "US"),
        ("gov-collector.newrelic.com", "US"),
        ("collector.eu01.nr-data.net", EU),
        ("otlp.eu01.nr-data.net", EU),
        ("us.i.posthog.com", "US"),
        ("eu.i.posthog.com", EU),
        ("api.sendgrid.com", "anywhere"),
        ("api.eu.sendgrid.com", EU),
        ("api.mailgun.net", "US"),
        ("api.eu.mailgun.net", EU),
        ("api.intercom.io", "US"),
        ("api.eu.intercom.io", EU),
        ("api.au.intercom.io", "AU"),
        ("track.customer.io", "US"),
        ("track-eu.customer.io", EU),
        ("api.customer.io", "US"),
        ("api-eu.customer.io", EU),
        ("api2.amplitude.com", "US"),
        ("api.eu.amplitude.com", EU),
        ("api.mixpanel.com", "US"),
        ("api-eu.mixpanel.com", "NL"),
        ("api-in.mixpanel.com", "IN"),
        ("api.segment.io", "US"),
        ("events.eu1.segmentapis.com", "IE"),
        ("t.us.auth0.com", "US"),
        ("t.eu.auth0.com", EU),
        ("t.au.auth0.com", "AU"),
        ("t.jp.auth0.com", "JP"),
        ("t.uk.auth0.com", "GB"),
        ("t.ca.auth0.com", "CA"),
        ("t.auth0.com", "US"),
        ("app.launchdarkly.com", "US"),
        ("events.launchdarkly.com", "US"),
        ("stream.launchdarkly.com", "anywhere"),
        *((f"{s}.eu.launchdarkly.com", "DE US") for s in ("app", "sdk", "stream", "events", "clientsdk")),
        ("app.launchdarkly.us", "US"),
        ("rest.iad-05.braze.com", "US"),
        ("rest.us-10.braze.com", "US"),
        ("rest.fra-02.braze.eu", "DE"),
        ("rest.au-01.braze.com", "AU"),
        ("rest.id-01.braze.com", "ID"),
        ("rest.jp-01.braze.com", "JP"),
        ("rest.sgp-01.braze.com", "SG"),
        ("api-eu1.hubapi.com", EU),
        ("api-eu2.hubapi.com", EU),
        ("api-eu3.hubapi.com", EU),
        ("api.hubapi.com", "unknown"),
        ("otlp-gateway-prod-us-east-4.aws-us-east-1-0.grafana.net", "US"),
        ("logs-prod-1.aws-eu-west-2-0.grafana.net", "GB"),
        ("logs-prod-1.gcp-europe-west3-0.grafana.net", "DE"),
        ("logs-prod-1.azure-westeurope-1.grafana.net", "NL"),
        ("api.contentful.com", "US"),
        ("api.eu.contentful.com", "unknown"),
        ("cdn.eu.contentful.com", "anywhere"),
        ("app.onrender.com", "unknown"),
        ("t.zendesk.com", "unknown"),
        ("org.my.salesforce.com", "unknown"),
        ("org--x.sandbox.my.salesforce.com", "unknown"),
        ("t.okta.com", "unknown"),
        ("t.okta-emea.com", EU),
        ("t.okta-gov.com", "US"),
        ("site.atlassian.net", "unknown"),
        ("t.ghe.com", "unknown"),
        ("api.t.ghe.com", "unknown"),
        ("api.github.com", "unknown"),
        ("slack.com", "unknown"),
        ("hooks.slack.com", "unknown"),
        ("slack-gov.com", "US"),
        ("api.stripe.com", "unknown"),
        ("api.onesignal.com", "unknown"),
        ("api.telnyx.com", "anywhere"),
        ("api.telnyx.eu", "anywhere"),
    ],
)  # fmt: skip
def test_what_is_documented(host: str, expected: str) -> None:
    assert places(host) == expected


@pytest.mark.parametrize(
    "host",
    [
        "t.zendesk.com", "org.my.salesforce.com", "t.okta.com", "site.atlassian.net", "api.t.ghe.com", "api.github.com",
        "hooks.slack.com", "api.stripe.com", "app.onrender.com", "api.hubapi.com", "otlp-gateway-prod-eu-west-2.grafana.net",
        "api.eu.contentful.com", "org.sentry.io", "verify.twilio.com",
    ],
)  # fmt: skip
def test_a_host_that_does_not_tell_can_be_pinned(host: str) -> None:
    pin = (
        f"version: 1\ndestinations:\n  - {{host: {host}, places: [IE], owner: o, why: contract}}\n"
    )
    atlas, faults = build(pin)
    faults.check()

    assert str(ask(host + "/x", NO_BODY, atlas=atlas).places) == "IE"


@pytest.mark.parametrize(
    "host", ["api.eu.sendgrid.com", "api.datadoghq.eu", "t.us.auth0.com", "api.telnyx.eu"]
)
def test_a_host_that_tells_cannot(host: str) -> None:
    _, faults = build(
        f"version: 1\ndestinations:\n  - {{host: {host}, places: [IE], owner: o, why: w}}\n"
    )

    assert "contradicts the catalogue" in str(faults.found[0])


@pytest.mark.parametrize(
    "host", ["api.datadoghq.eu", "api.stripe.com", "api.twilio.com", "us.i.posthog.com"]
)
def test_such_calls_stream(host: str) -> None:
    assert not ask(host + "/x", PENDING).provisional


@pytest.mark.parametrize(
    ("url", "operations"),
    [
        ("api.github.com/graphql", "github:graphql:?, graphql:mutation:AddStar"),
        ("api.newrelic.com/graphql", "newrelic:graphql:?, graphql:mutation:AddStar"),
        (
            "graphql.contentful.com/content/v1/spaces/s",
            "contentful:graphql:?, graphql:mutation:AddStar",
        ),
    ],
)
def test_a_graphql_interface_names_its_operations(url: str, operations: str) -> None:
    answer = ask(url, {"query": "mutation AddStar { addStar { id } }"})

    assert (answer.called, answer.silent) == (operations, True)
