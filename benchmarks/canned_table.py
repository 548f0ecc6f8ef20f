"""A table that answers what a quiet tick asks, over HTTP, and nothing else: Queries of indexes, the book, the policy.

It has the records of a fleet, as the real adapter writes them; nothing is owed, no alert is open, and the policy, in
place of SSM's parameter, is the default. Pages are DynamoDB's: as many items as
are 1 MB in the index, with what the query's projection asks for. As a program it says its URL, and ends when its
standard input does.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

from benchmarks.fleet import SOURCE, Fleet
from runwatch.adapters.table import DynamoStore
from runwatch.core.alerts.book import Book
from runwatch.stored import RECORD_PROJECTION, WATCH_INDEX, WATCH_KEYS
from runwatch.stored_alerts import Head, head_item

__all__ = ["main"]

Item = dict[str, dict[str, str]]
KEYS = ("pk", "sk", *WATCH_KEYS)
PAGE = 1_000_000
"""Bytes of items that a Query reads at most; names count as well (developer guide, "Query" and item sizes)."""


class _Kept:
    """Stands where the adapter has its client, and keeps what it would write."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def transact_write_items(self, TransactItems: Sequence[Mapping[str, Any]]) -> None:  # noqa: N803 - boto3's name
        self.items += [each["Put"]["Item"] for each in TransactItems]


class Index:
    """The index of watched runs, in the order of its keys."""

    def __init__(self, items: Sequence[Item]) -> None:
        projected = [{name: item[name] for name in (*KEYS, *RECORD_PROJECTION)} for item in items]
        self._items = sorted(projected, key=lambda item: item["run_arn"]["S"])

    @cached_property
    def pages(self) -> list[list[Item]]:
        return list(self._pages())

    def answer(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page, and where the next one begins."""
        after = query.get("ExclusiveStartKey", {}).get("run_arn", {}).get("S", "")
        number = next((n for n, page in enumerate(self.pages) if page[0]["run_arn"]["S"] > after), 0)
        page = self.pages[number] if self.pages else []
        names = query.get("ExpressionAttributeNames", {})
        wanted = [names.get(part, part) for part in query.get("ProjectionExpression", "").split(", ") if part]
        items = [{name: item[name] for name in wanted or item} for item in page]
        last = {"LastEvaluatedKey": {name: page[-1][name] for name in KEYS}} if number + 1 < len(self.pages) else {}
        return {"Items": items, "Count": len(items), "ScannedCount": len(items), **last}

    def _pages(self) -> Iterator[list[Item]]:
        page: list[Item] = []
        left = PAGE
        for item in self._items:
            size = sum(len(name) + len(text) for name, value in item.items() for text in value.values())
            if size > left:
                yield page
                page, left = [], PAGE
            page.append(item)
            left -= size
        if page:
            yield page


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    kept = _Kept()
    store = DynamoStore(cast("Any", kept), "runs", timedelta(days=1))
    for record in Fleet(options.runs, options.applications).told_of(options.begins):
        store.commit(record, ())
    index = Index(kept.items)
    answers: dict[bytes, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            if operation in ALWAYS:
                self._reply(200, json.dumps(ALWAYS[operation]).encode())
                return
            if operation != "Query":
                self._reply(400, b'{"__type": "UnknownOperationException", "message": "only what is quiet"}')
                return
            if asked not in answers:
                query = json.loads(asked)
                answers[asked] = json.dumps(
                    index.answer(query) if query.get("IndexName") == WATCH_INDEX else NOTHING
                ).encode()
            self._reply(200, answers[asked])

        def _reply(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-amz-crc32", str(zlib.crc32(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        sys.stdin.read()
        server.shutdown()


NOTHING = {"Items": [], "Count": 0, "ScannedCount": 0}
POLICY = "# the defaults"
ALWAYS = {
    "GetItem": {"Item": head_item(SOURCE, Head(1, Book(policy=POLICY).model_dump_json()))},
    "BatchGetItem": {"Responses": {}, "UnprocessedKeys": {}},
    "GetParameter": {"Parameter": {"Name": "policy", "Type": "String", "Value": POLICY, "Version": 1}},
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A table with a fleet; see the module.")
    parser.add_argument("--begins", type=datetime.fromisoformat, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--applications", type=int, required=True)
    return parser


if __name__ == "__main__":
    main()
