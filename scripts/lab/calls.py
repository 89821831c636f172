"""Steps that are calls: allowed, masked, refused."""

from scripts.lab.client import call, curl
from scripts.lab.step import CUSTOMER, EMAIL, IBAN, Seen, refused
from scripts.lab.world import Lab


def allowed(lab: Lab) -> Seen:
    # Spaces and order that no serializer would make: what arrives is what was sent, not its equal.
    payload = b'{ "customer":"4711",  "email" : "' + EMAIL.encode() + b'","n": 1.50 }\n'
    found = call(
        lab, "invoke_lambda", "eu-central-1", "score-customer",
        token=lab.token("eu-services"), stdin=payload,
    )  # fmt: skip
    bodies = [r.body for r in lab.upstream.requests]
    token_left = any(r.header("proxy-authorization") for r in lab.upstream.requests)
    return Seen(
        got={
            "status": found["status"],
            "unchanged": bodies == [payload],
            "token left": token_left,
        },
        says=f"{len(payload)} bytes arrived as they were sent",
    )


def blocked(lab: Lab) -> Seen:
    model = "anthropic.claude-3-haiku-20240307-v1:0"
    found = call(lab, "converse", "us-east-1", model, token=lab.token("analytics"))
    return refused(lab, found["status"])


def global_profile(lab: Lab) -> Seen:
    model = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    found = call(lab, "converse", "eu-central-1", model, token=lab.token("eu-services"))
    return refused(lab, found["status"])


def no_token(lab: Lab) -> Seen:
    url = (
        "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/score-customer/invocations"
    )
    _, status = curl(lab, "--output", "/dev/null", "--write-out", "%{http_connect}", url)
    return refused(lab, int(status))


def private(lab: Lab) -> Seen:
    url = "https://functions.private.example.com/score"
    found = call(lab, "post_requests", url, token=lab.token("eu-services"), stdin=CUSTOMER)
    bodies = [r.body for r in lab.upstream.requests]
    return Seen(
        got={"status": found["status"], "unchanged": bodies == [CUSTOMER]},
        says="declared in destinations.yaml as being in DE; arrived as it was sent",
    )


def masked(lab: Lab) -> Seen:
    found = call(lab, "chat", token=lab.token("analytics"), stdin=CUSTOMER)
    bodies = [r.body.decode() for r in lab.upstream.requests]
    arrived = bodies[0] if bodies else ""
    # Everything but the two values, byte for byte.
    wanted = found["sent"].replace(f'"{EMAIL}"', '"***"').replace(f'"{IBAN}"', '"***"')
    return Seen(
        got={
            "status": found["status"],
            "values": sum(v in arrived for v in (EMAIL, IBAN)),
            "rest unchanged": bodies == [wanted],
        },
        says=f"the far side received {arrived[arrived.find('"metadata"') : -1]}",
    )
