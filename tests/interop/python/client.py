"""Sends events to a gateway with the CloudEvents SDK for Python and reads back with it what the gateway delivers to Kafka.

Arguments: gateway URL, Kafka brokers, file of events. Prints one JSON document (tests/interop/README.md).
"""
import base64
import http.client
import json
import sys
import urllib.parse

from cloudevents.core.bindings import http as binding
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from dateutil.parser import isoparse
from kafka import KafkaConsumer

SECONDS = 60


def event(case, mode):
    attributes = {
        "id": f"{case['name']}-{mode}",
        "source": "/interop/python",
        "type": f"com.example.{case['name']}",
        "specversion": "1.0",
        "time": isoparse("2026-01-02T03:04:05Z"),
    }
    for name in ("subject", "region", "datacontenttype"):
        if name in case:
            attributes[name] = case[name]
    data = case.get("json", case.get("text"))
    if "base64" in case:
        data = base64.b64decode(case["base64"])
    return CloudEvent(attributes, data)


def post(url, headers, body):
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.request("POST", address.path, body=body, headers=headers)
    return connection.getresponse().status


def send(url, cases):
    sent = []
    for case in cases:
        for mode, write in (("binary", binding.to_binary_event), ("structured", binding.to_structured_event)):
            message = write(event(case, mode))
            sent.append({"id": f"{case['name']}-{mode}", "status": post(url, message.headers, message.body)})
    # The SDK writes no batches.
    batch = b"[" + b",".join(JSONFormat().write(event(case, "batch")) for case in cases) + b"]"
    status = post(url, {"content-type": "application/cloudevents-batch+json"}, batch)
    return sent + [{"id": f"{case['name']}-batch", "status": status} for case in cases]


def read(brokers, wanted):
    found = {}
    topics = ["interop.python.binary", "interop.python.structured"]
    consumer = KafkaConsumer(*topics, bootstrap_servers=brokers, auto_offset_reset="earliest",
                             consumer_timeout_ms=SECONDS * 1000)
    for record in consumer:
        how = record.topic.rsplit(".", 1)[1]
        headers = dict(record.headers)
        try:
            message = kafka.KafkaMessage(headers=headers, key=record.key, value=record.value)
            text = JSONFormat().write(kafka.from_kafka_event(message))
            found[(record.topic, record.offset)] = {"from": f"kafka {how}", "event": json.loads(text)}
        except Exception as error:  # what the SDK cannot read is told, and judged by the runner
            found[(record.topic, record.offset)] = {"from": f"kafka {how}", "failed": repr(error),
                                                    "id": headers.get("ce_id", b"").decode()}
        if len(found) == wanted * len(topics):
            break
    consumer.close()
    return list(found.values())


def main():
    url, brokers, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    sent = send(url, cases)
    wanted = sum(one["status"] == 202 for one in sent)
    print(json.dumps({"sent": sent, "read": read(brokers, wanted)}))


main()
