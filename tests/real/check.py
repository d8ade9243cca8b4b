"""The example server, driven by the Python SDK's own client, read by promtool and Prometheus.

Every revision that the client speaks is used; what the page says must be what the client did.
"""

import asyncio
import collections
import subprocess
import sys
import traceback

import mcp
from prometheus_client.parser import text_string_to_metric_families

import servers

UNKNOWN = "made_up_by_a_model"


async def drive(url, mode, done):
    """Calls each tool in each way, and keeps account in `done` of what came back."""
    async with mcp.Client(url, mode=mode) as client:
        await client.list_tools()
        for _ in range(3):
            await client.call_tool("add", {"a": 19, "b": 23})
            done["add", "success", ""] += 1
        steps = []

        async def progress(*step):
            steps.append(step)

        await client.call_tool("count", {"steps": 3}, progress_callback=progress)
        assert len(steps) == 3, f"progress passed through: {steps}"
        done["count", "success", ""] += 1
        result = await client.call_tool("divide", {"a": 1, "b": 0})
        assert result.is_error, result
        done["divide", "error", "tool_error"] += 1
        for name, arguments, label, outcome in [
            ("lookup", {"key": "atlantis"}, "lookup", "server_error"),
            (UNKNOWN, {}, "_OTHER", "caller_error"),
        ]:
            try:
                await client.call_tool(name, arguments)
            except mcp.MCPError:
                done[label, "error", outcome] += 1
            else:
                raise AssertionError(f"{name} answered")


def tool_calls(page):
    """The tool calls on a page, without the zeros of tools that nobody has called."""
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == "mcp_tool_calls_total" and sample.value:
                labels = sample.labels
                key = labels["tool_name"], labels["status"], labels.get("error_type", "")
                found[key] = sample.value
    return found


def python_clients_calls_are_counted(url, metrics):
    done = collections.Counter(tool_calls(servers.get(metrics)[1]))
    for mode in ["legacy", "2026-07-28", "auto"]:
        asyncio.run(drive(url, mode, done))
    # A page may be a quarter of a second old.
    agree = lambda: tool_calls(servers.get(metrics)[1]) == dict(done)
    try:
        servers.wait_for("page and client agree", agree, seconds=2)
    except AssertionError:
        page = tool_calls(servers.get(metrics)[1])
        raise AssertionError(f"the client did {dict(done)}, the page says {page}") from None


def promtool_finds_nothing_to_say(_, metrics):
    content_type, page = servers.get(metrics)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8", content_type
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=page, text=True, capture_output=True
    )
    # The tutorial's gauges end in `_total`; their names are kept for those who bring them along.
    findings = [
        line
        for line in (check.stdout + check.stderr).splitlines()
        if not line.startswith(("mcp_tools_total", "mcp_resources_total", "mcp_prompts_total"))
    ]
    assert check.returncode in (0, 3) and not findings, findings


def prometheus_scrapes_what_the_page_says(_, metrics):
    expected = tool_calls(servers.get(metrics)[1])
    with servers.prometheus(metrics) as ask:
        up = lambda: [sample for sample in ask("up == 1")]
        servers.wait_for("Prometheus has scraped", up)
        scraped = {}
        for sample in ask("mcp_tool_calls_total > 0"):
            labels = sample["metric"]
            key = labels["tool_name"], labels["status"], labels.get("error_type", "")
            scraped[key] = float(sample["value"][1])
        assert scraped == expected, f"page says {expected}, Prometheus has {scraped}"
        quantile = "histogram_quantile(0.5, sum by (le) (mcp_tool_call_duration_seconds_bucket))"
        median = float(ask(quantile)[0]["value"][1])
        assert 0 < median < 1, f"a median of {median} s"


def main():
    failed = 0
    checks = [
        python_clients_calls_are_counted,
        promtool_finds_nothing_to_say,
        prometheus_scrapes_what_the_page_says,
    ]
    with servers.example() as (url, metrics):
        for check in checks:
            try:
                check(url, metrics)
                print(f"ok      {check.__name__}", flush=True)
            except Exception:
                failed += 1
                traceback.print_exc()
                print(f"FAILED  {check.__name__}", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
