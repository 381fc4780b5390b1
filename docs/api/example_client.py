"""An example of a program of an organisation: declares for a person, asks, makes a code and reads it.

Plain Python 3.11, nothing to install. Copy it, and put what is your own in its place:

    export CITYBRAIN_KEY=… CITYBRAIN_SECRET=…        # from whoever runs the system
    python example_client.py https://citybrain.example.org resident_id 330199198001010017
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

BASE = "/api/v1/health-code/"


class RefusedError(Exception):
    """The service refused; `code` is stable, `told` the whole answer."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(f"{told['code']}: {told['message']} {told.get('fields', '')}")
        self.code, self.told = told["code"], told


class Services:
    """The services of the health code, by a key."""

    def __init__(self, at: str, key: str, secret: str) -> None:
        self.at, self.key, self.secret = at.rstrip("/"), key, secret

    def post(self, name: str, said: dict[str, Any]) -> dict[str, Any]:
        """Send a signed request; return the answer, raise RefusedError for a refusal."""
        target, body = f"{BASE}{name}/", json.dumps(said).encode()
        now, nonce = str(int(time.time())), secrets.token_urlsafe(24)
        parts = ["CITYBRAIN-HMAC-SHA256", "POST", target, hashlib.sha256(body).hexdigest(), now, nonce, self.key]
        signature = hmac.new(self.secret.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "Accept-Language": "en",
            "X-CityBrain-Key": self.key,
            "X-CityBrain-Time": now,
            "X-CityBrain-Nonce": nonce,
            "X-CityBrain-Signature": signature,
        }
        request = urllib.request.Request(f"{self.at}{target}", body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refused:
            with refused:
                raise RefusedError(json.load(refused)) from None


def walk(services: Services, kind: str, number: str, ask_code: Callable[[dict[str, Any]], str]) -> list[dict[str, Any]]:
    """Declare, query, make and verify; `ask_code` has the person tell the code of the message that they were sent."""

    def agreed(service: str) -> dict[str, Any]:
        person = {"document_type": kind, "document_number": number}
        asked = services.post("consents", {"service": service, **person})
        return {"consent": asked["consent"], "code": ask_code(asked)}

    health = {"symptoms": [], "temperature": 36.5, "pledged": True}
    declared = services.post("health-declaration", {**agreed("health_declaration"), **health})
    # One of the organisation's own people is asked about by document; anybody else agrees first, as above.
    asked = services.post("health-query", {"document_type": kind, "document_number": number})
    made = services.post("make-code", agreed("make_code"))
    read = services.post("verify-code", {"token": made["token"], "terminal": "desk-1"})
    return [declared, asked, made, read]


def main() -> None:
    """Run the command line."""
    at, kind, number = sys.argv[1:]
    services = Services(at, os.environ["CITYBRAIN_KEY"], os.environ["CITYBRAIN_SECRET"])
    told = walk(services, kind, number, lambda _asked: input("The code that the person was sent: ").strip())
    for one in told:
        sys.stdout.write(f"{json.dumps(one, ensure_ascii=False)}\n")


if __name__ == "__main__":
    main()
