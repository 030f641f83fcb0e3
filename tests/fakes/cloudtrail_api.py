"""A server shaped like CloudTrail's `LookupEvents` (JSON 1.1): moto 5 has none. Events look as AWS documents them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.serving import answering

TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
SESSION = "arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com"


@dataclass
class CloudTrailApi:
    """The event history of one account, and every look-up that was made."""

    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    refuses: str = ""
    size: int = 50
    url: str = ""

    def happened(self, name: str, at: datetime, resources: list[str], requested: dict[str, Any], **more: Any) -> None:
        """Put an event on record, as IAM writes it."""
        event = {
            "eventVersion": "1.08",
            "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:alice@example.com", "arn": SESSION},
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "iam.amazonaws.com",
            "eventName": name,
            "awsRegion": "us-east-1",
            "sourceIPAddress": "203.0.113.7",
            "userAgent": "aws-cli/2.17.0",
            "requestParameters": requested,
            "responseElements": None,
            "eventID": f"event-{len(self.events)}",
            **more,
        }
        self.events.append(
            {
                "EventId": event["eventID"],
                "EventName": name,
                "ReadOnly": "false",
                "EventTime": at.timestamp(),
                "EventSource": "iam.amazonaws.com",
                "Username": "alice@example.com",
                "Resources": [{"ResourceType": "AWS::IAM::Role", "ResourceName": one} for one in resources],
                "CloudTrailEvent": json.dumps(event),
            }
        )

    def answer(self, target: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One page, newest first."""
        self.asked.append(asked)
        if target != TARGET or self.refuses:
            return 400, {"__type": self.refuses or "UnknownOperationException", "message": "no: arn:aws:secret"}
        (wanted,) = asked["LookupAttributes"]
        assert wanted["AttributeKey"] == "ResourceName"
        found = [
            one
            for one in sorted(self.events, key=lambda one: -one["EventTime"])
            if wanted["AttributeValue"] in {each["ResourceName"] for each in one["Resources"]}
            and asked["StartTime"] <= one["EventTime"] <= asked["EndTime"]
        ]
        start = int(asked.get("NextToken", "0"))
        page = found[start : start + self.size]
        more = {"NextToken": str(start + self.size)} if start + self.size < len(found) else {}
        return 200, {"Events": page, **more}


@contextmanager
def cloudtrail_api() -> Iterator[CloudTrailApi]:
    """The server on loopback while the context lasts."""
    api = CloudTrailApi()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, document = api.answer(self.headers["x-amz-target"], asked)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with answering(Door) as api.url:
        yield api
