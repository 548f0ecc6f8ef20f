"""The runs table: one partition per run, its record and its ledger side by side.

| item         | pk              | sk                  | other attributes                                                 |
| ------------ | --------------- | ------------------- | ---------------------------------------------------------------- |
| tracked run  | `RUN#<run arn>` | `RUN`               | version, record (map); watch_source, run_arn (while watched); expires_at |
| ledger entry | `RUN#<run arn>` | `LOG#<sequence>`    | entry …; outbox_source, outbox_order (while owed); expires_at    |

| index    | partition key   | sort key       | projects          |
| -------- | --------------- | -------------- | ----------------- |
| `watch`  | `watch_source`  | `run_arn`      | version, record   |
| `outbox` | `outbox_source` | `outbox_order` | keys only         |
"""

__all__ = ["EXPIRES_AT", "OUTBOX_INDEX", "OUTBOX_KEYS", "WATCH_INDEX", "WATCH_KEYS", "WATCH_PROJECTION"]

WATCH_INDEX = "watch"
WATCH_KEYS = ("watch_source", "run_arn")
WATCH_PROJECTION = ("version", "record")
OUTBOX_INDEX = "outbox"
OUTBOX_KEYS = ("outbox_source", "outbox_order")
EXPIRES_AT = "expires_at"
