"""Starts the example server and what scrapes it, on free loopback ports, and ends them again."""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def wait_for(what, condition, seconds=20):
    """The first true value of `condition`, which is asked until then."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if value := condition():
                return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def get(url, accept=None):
    request = urllib.request.Request(url, headers={"accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=5) as response:
        return response.headers["content-type"], response.read().decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(*command, **settings):
    """A child process, ended by its own id."""
    child = subprocess.Popen(command, **settings)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def example():
    """The example server. Yields the addresses of its MCP endpoint and of its metrics."""
    binary = ROOT / "target/debug/examples/mcp_server"
    arguments = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    with process(binary, *arguments, stdout=subprocess.PIPE, text=True) as child:
        lines = [child.stdout.readline() for _ in range(2)]
        mcp, metrics = (re.search(r"http://\S+", line).group() for line in lines)
        yield mcp, metrics


@contextlib.contextmanager
def prometheus(metrics):
    """A Prometheus that scrapes `metrics` each second. Yields a function that asks it."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "prometheus.yml")
        target = urllib.parse.urlsplit(metrics).netloc
        config.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "scrape_timeout": "900ms"},
                    "scrape_configs": [
                        {"job_name": "mcp", "static_configs": [{"targets": [target]}]}
                    ],
                }
            )
        )
        address = f"127.0.0.1:{free_port()}"
        flags = {
            "config.file": config,
            "storage.tsdb.path": pathlib.Path(folder, "data"),
            "web.listen-address": address,
            "log.level": "error",
        }
        with process("prometheus", *(f"--{name}={value}" for name, value in flags.items())):
            wait_for("Prometheus is ready", lambda: get(f"http://{address}/-/ready"))

            def ask(query):
                query = urllib.parse.quote(query)
                _, text = get(f"http://{address}/api/v1/query?query={query}")
                return json.loads(text)["data"]["result"]

            yield ask
