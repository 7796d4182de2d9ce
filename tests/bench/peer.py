"""Runs mq-bridge: HTTP in, one broker out, the answer after the broker's acknowledgement.

  peer.py nats|kafka LISTEN BROKER TARGET
"""
import sys

from mq_bridge import Route

kind, listen, broker, target = sys.argv[1:]
output = {"nats": {"url": broker, "subject": f"{target}.peer", "stream": target}, "kafka": {"url": broker, "topic": target}}
# Concurrency 1 is its best here: it batches what waits.
route = {"input": {"http": {"url": listen, "concurrency_limit": 10_000}}, "output": {kind: output[kind]}}
Route.from_config({"routes": {"bench": route}}, "bench").run()
