"""The rows of the benchmark."""
import os
import statistics
import time

from harness import TYPE, Load, Runs, broker, compare, floor, gateway, peer, route, say, stop_broker, wait_until

TO_DISCARD = [{"name": "nowhere", "discard": {}}], {"destination": "nowhere"}


def in_turn(args, ours, theirs, connections, core=1):
    """Both servers, run after run."""
    pair = Runs(), Runs()
    for _ in range(args.runs):
        for start, runs in zip((ours, theirs), pair):
            with start() as server:
                Load(server, connections, 1, core)
                runs.add(Load(server, connections, args.seconds, core))
    return pair


def durable(args):
    folder = os.path.join(args.folder, "durable")
    for connections in (64, 256):
        compare(f"durable, {connections:3} connections", *in_turn(args, lambda: gateway(folder), floor, connections), "floor")


def stateless(args):
    folder = os.path.join(args.folder, "stateless")
    destinations, deliver = TO_DISCARD
    ours = lambda: gateway(folder, [route(deliver)], destinations, "destinations")
    compare("ack: destinations to discard, 64 connections", *in_turn(args, ours, floor, 64), "floor")


def brokers(args):
    folder = os.path.join(args.folder, "brokers")
    for kind, name in (("nats", "JetStream"), ("kafka", "Kafka")):
        home = os.path.join(args.folder, kind)
        address = broker(kind, home)
        try:
            options, deliver = into(kind, address)
            ours = lambda: gateway(folder, [route(deliver)], [{"name": "broker", kind: options}], "destinations", core=None)
            theirs = lambda: peer(kind, address, "bench")
            # The peer makes the stream and the topic, so that both write into the same one.
            with theirs():
                pass
            row = f"ack: destinations into {name}, 64 connections, unpinned"
            compare(row, *in_turn(args, ours, theirs, 64, core=None), "mq-bridge")
        finally:
            stop_broker(kind, home)


def into(kind, address):
    if kind == "nats":
        return {"servers": [address]}, {"destination": "broker", "subject": "bench.ours", "mode": "structured"}
    return {"brokers": [address]}, {"destination": "broker", "topic": "bench", "mode": "structured"}


# What the filters of routes look like that take other events: every shape the index knows, in turn.
SHAPES = (
    lambda number: [{"exact": {"type": f"com.example.other.t{number}"}}, {"prefix": {"source": f"/s{number}/"}}],
    lambda number: [{"prefix": {"source": f"/s{number}/"}}],
    lambda number: [{"suffix": {"type": f".s{number}"}}],
    lambda number: [{"sql": f"type = 'com.example.other.t{number}'"}],
    lambda number: [{"any": [{"sql": f"source = '/s{number}'"}, {"suffix": {"source": f"/x{number}"}}]}],
)


def routes(args):
    """Ten routes against ten thousand, every event taken by one of them."""
    destinations, deliver = TO_DISCARD
    few, many = os.path.join(args.folder, "few"), os.path.join(args.folder, "many")

    def some(count):
        others = [route(deliver, SHAPES[number % len(SHAPES)](number), f"other-{number}") for number in range(count - 1)]
        return [*others, route(deliver)]

    ours = lambda: gateway(many, some(10_000), destinations, "destinations")
    theirs = lambda: gateway(few, some(10), destinations, "destinations")
    mine, base = in_turn(args, ours, theirs, 64)
    say(f"10,000 routes against 10: {mine.median('cpu') / base.median('cpu'):.2f} x the cost per event   "
        f"({mine.median('cpu'):.1f} of {base.median('cpu'):.1f} us CPU; {mine.median('rate'):,.0f} of {base.median('rate'):,.0f} events/s)")


def latency(args):
    folder = os.path.join(args.folder, "latency")
    with gateway(folder) as server:
        peak = Load(server, 64, args.seconds).rate
    # 64 connections that each pause after an answer: about half of the peak.
    delay = max(1, round(2 * 64 / peak * 1000))
    with gateway(folder) as server:
        Load(server, 64, 1, delay_ms=delay)
        half = Load(server, 64, args.seconds, delay_ms=delay)
    say(f"latency: durable 202 at {half.rate / peak:.2f} of the peak: p50 {half.p50:.1f} ms, p99 {half.p99:.1f} ms")
    handed_over(args)


def handed_over(args):
    """From accepted to handed to the broker client, one event at a time on an idle machine, by the gateway's own records."""
    home, folder = os.path.join(args.folder, "nats-latency"), os.path.join(args.folder, "handed-over")
    address = broker("nats", home)
    try:
        options, deliver = into("nats", address)
        options["ensure_stream"] = {"name": "bench", "subjects": ["bench.>"]}
        with gateway(folder, [route(deliver)], [{"name": "broker", "nats": options}]) as server:
            Load(server, 1, args.seconds, delay_ms=5)
            newest = server.api("events?limit=1")["events"][0]["position"]
            wait_until(lambda: server.api(f"events/{newest}")["status"] == "delivered", "the events are not delivered")
            waits = []
            for position in range(max(1, newest - 999), newest + 1):
                event = server.api(f"events/{position}")
                attempt = event["deliveries"][0]["attempts"][0]
                waits.append(micros(attempt["started"]) - micros(event["received"]))
        waits.sort()
        say(f"latency: accepted to handed to the broker client: p50 {waits[len(waits) // 2] / 1000:.2f} ms, "
            f"p99 {waits[len(waits) * 99 // 100] / 1000:.2f} ms ({len(waits)} events of type {TYPE})")
    finally:
        stop_broker("nats", home)


def micros(text):
    """Microseconds of an RFC 3339 time in UTC."""
    from datetime import datetime
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e6)


def growth(args):
    with gateway(os.path.join(args.folder, "growth")) as server:
        chunks, stored = [], 0
        while stored < args.growth:
            load = Load(server, 64, args.seconds)
            stored += int(load.rate * args.seconds)
            chunks.append(load.rate)
            say(f"growth: {stored / 1e6:5.2f} M events, {load.rate:,.0f} events/s, {load.cpu:.1f} us")
    third = max(1, len(chunks) // 3)
    first, last = statistics.median(chunks[:third]), statistics.median(chunks[-third:])
    say(f"growth to {stored / 1e6:.1f} M events: last third {last / first:.2f} x the first third")


def memory(args):
    destinations, deliver = TO_DISCARD
    for ack, chosen in (("log", ([route({"destination": "log", "stream": "bench"})], ())),
                        ("destinations", ([route(deliver)], destinations))):
        with gateway(os.path.join(args.folder, "memory"), *chosen, ack) as server:
            time.sleep(2)
            idle = server.memory()
            loads = []
            for _ in range(3):
                load = Load(server, 640, args.seconds)
                loads.append((load.rate, server.memory()))
            say(f"memory, ack: {ack}: idle {idle:.0f} MiB; with 640 connections at full load "
                + " -> ".join(f"{size:.0f}" for _, size in loads)
                + f" MiB ({statistics.median(rate for rate, _ in loads):,.0f} events/s)")


def start(args):
    folder = os.path.join(args.folder, "start")

    def time_start(keep):
        begun = time.monotonic()
        server = gateway(folder, core=None, keep=keep)
        return server, time.monotonic() - begun

    times = []
    for _ in range(args.runs):
        server, seconds = time_start(False)
        with server:
            times.append(seconds)
    say(f"start: empty log {statistics.median(times) * 1000:.0f} ms")
    server, _ = time_start(False)
    with server:
        stored = 0
        while stored < args.million:
            stored += int(Load(server, 256, args.seconds).rate * args.seconds)
    times = []
    for kill in (False, True, False, True):
        server, seconds = time_start(True)
        times.append(seconds)
        if kill:
            server.process.kill()
            server.process.wait()
        else:
            server.__exit__()
    say(f"start: log of {stored / 1e6:.1f} M events {max(times) * 1000:.0f} ms "
        f"(slowest of {len(times)}, after clean stops and kills)")


ROWS = {row.__name__: row for row in (durable, stateless, brokers, routes, latency, growth, memory, start)}
