"""What the rows of the benchmark share: the servers under test, the load, and how figures are printed."""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.expanduser("~/.cache/signalbox/target"))
CACHE = os.environ.get("SIGNALBOX_CACHE", os.path.expanduser("~/.cache/signalbox"))
TICK = os.sysconf("SC_CLK_TCK")
PEER = "mq-bridge==1.2.0"
TYPE = "com.example.bench.measured"


def build():
    subprocess.run(["cargo", "build", "--release", "--bin", "signalbox", "--example", "floor"], cwd=ROOT, check=True,
                   env={**os.environ, "CARGO_TARGET_DIR": TARGET})


def started(core, command, **options):
    """A process on one core, or on all of them for `None`."""
    pin = [] if core is None else ["taskset", "-c", str(core)]
    return subprocess.Popen([*pin, *command], stdout=subprocess.PIPE, text=True, **options)


class Server:
    """A server under test; a context manager that stops it."""

    def __init__(self, process, url, admin=None):
        self.process, self.url, self.admin = process, url, admin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu(self):
        """Seconds of CPU used so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """Resident MiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024

    def api(self, path):
        with urllib.request.urlopen(f"{self.admin}/api/v1/{path}", timeout=30) as answer:
            return json.load(answer)


def floor(core=0):
    process = started(core, [os.path.join(TARGET, "release", "examples", "floor")])
    return Server(process, process.stdout.readline().strip())


def route(deliver, filters=None, name="bench"):
    """One route, as JSON, which is YAML as well."""
    return {"name": name, "filters": filters or [{"exact": {"type": TYPE}}], "deliver": [deliver]}


def gateway(folder, routes=None, destinations=(), ack="log", core=0, keep=False):
    """The gateway with these routes; by default everything goes to one stream of its log."""
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "routes"))
        shutil.copytree(os.path.join(HERE, "schemas"), os.path.join(folder, "schemas"))
        routes = routes or [route({"destination": "log", "stream": "bench"})]
        with open(os.path.join(folder, "routes", "bench.yaml"), "w") as file:
            json.dump({"destinations": list(destinations), "routes": routes}, file, indent=1)
        with open(os.path.join(folder, "signalbox.yaml"), "w") as file:
            json.dump({"listeners": [{"name": "public", "address": "127.0.0.1:0", "ack": ack}]}, file)
    command = [os.path.join(TARGET, "release", "signalbox"), "serve", "--output", "json", "--admin", "127.0.0.1:0"]
    process = started(core, command, cwd=folder)
    line = process.stdout.readline()
    if not line:
        sys.exit("the gateway did not start")
    ready = json.loads(line)
    return Server(process, next(iter(ready["listeners"].values())), ready["admin"])


def peer(kind, broker, target):
    """mq-bridge from PyPI, its HTTP input and one output, which it waits for before it answers."""
    home = os.path.join(CACHE, "bench", PEER.replace("==", "-"))
    if not os.path.isdir(home):
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", home, PEER],
                       check=True, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"})
    listen = f"127.0.0.1:{free_port()}"
    process = started(None, [sys.executable, os.path.join(HERE, "peer.py"), kind, listen, broker, target],
                      env={**os.environ, "PYTHONPATH": home})
    server = Server(process, f"http://{listen}")
    wait_until(lambda: posted(server.url), "mq-bridge does not answer")
    return server


def broker(kind, folder):
    """A real server by tests/servers; its address."""
    script = os.path.join(ROOT, "tests", "servers", kind)
    port = subprocess.run([script, "start", folder], check=True, capture_output=True, text=True).stdout.strip()
    return f"nats://127.0.0.1:{port}" if kind == "nats" else f"127.0.0.1:{port}"


def stop_broker(kind, folder):
    subprocess.run([os.path.join(ROOT, "tests", "servers", kind), "stop", folder], check=False)


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def posted(url):
    """True when an event was taken."""
    event = json.dumps({"specversion": "1.0", "id": f"warm-{time.monotonic_ns()}", "source": "/bench", "type": "warm"})
    request = urllib.request.Request(url, event.encode(), {"content-type": "application/cloudevents+json"})
    try:
        return urllib.request.urlopen(request, timeout=5).status == 202
    except OSError:
        return False


def wait_until(condition, complaint, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(complaint)
        time.sleep(0.05)


run_number = 0


class Load:
    """One run of wrk: events/s, server CPU in microseconds per event, p50 and p99 in ms, how many got no 2xx."""

    def __init__(self, server, connections, seconds, core=1, delay_ms=0):
        global run_number
        run_number += 1
        before = server.cpu()
        pin = [] if core is None else ["taskset", "-c", str(core)]
        out = subprocess.run([*pin, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", os.path.join(HERE, "event.lua"),
                              server.url], capture_output=True, text=True,
                             env={**os.environ, "BENCH_RUN": str(run_number), "BENCH_DELAY": str(delay_ms)}).stdout
        requests, micros, status, errors, p50, p99 = map(int, re.search(r"RESULT (.*)", out).group(1).split())
        self.rate = requests / micros * 1e6
        self.cpu = (server.cpu() - before) / max(requests, 1) * 1e6
        self.p50, self.p99 = p50 / 1000, p99 / 1000
        self.failed = status + errors


class Runs:
    """The runs of one side of a comparison."""

    def __init__(self):
        self.all = []

    def add(self, load):
        self.all.append(load)

    def median(self, figure):
        return statistics.median(getattr(load, figure) for load in self.all)

    def failed(self):
        return sum(load.failed for load in self.all)


def say(text):
    print(text, flush=True)


def compare(row, ours, theirs, name):
    """The line of a ratio: medians of both sides, measured in turn."""
    ratio = ours.median("rate") / theirs.median("rate")
    say(f"{row}: {ratio:.2f} x {name}   ({ours.median('rate'):,.0f} of {theirs.median('rate'):,.0f} events/s; "
        f"CPU per event {ours.median('cpu'):.1f} of {theirs.median('cpu'):.1f} us; "
        f"p99 {ours.median('p99'):.1f} of {theirs.median('p99'):.1f} ms; not 2xx: {ours.failed()} and {theirs.failed()})")
