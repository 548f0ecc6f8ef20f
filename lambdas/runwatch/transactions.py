"""What DynamoDB takes in one transaction.

TransactWriteItems refuses more than 100 actions, more than 4 MB, two actions on one item, and an item of more than
400 KB (DynamoDB's developer guide, "Quotas", and the API reference of TransactWriteItems). Such a refusal is final: the
same transaction is refused again. Writes are divided by these limits, and the adapter in memory refuses by them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runwatch.errors import StoreRefused
from runwatch.stored import Item

__all__ = ["Delete", "Key", "Put", "Write", "check_transaction", "divided", "key_of", "size_of"]

ACTIONS = 100
TRANSACTION_BYTES = 4 * 1024 * 1024
ITEM_BYTES = 400 * 1024
SPARE_BYTES = 512 * 1024
"""Room that is left in a transaction, since DynamoDB counts an item a little differently from us."""

Key = tuple[str, str]
"""Partition key and sort key."""


@dataclass(frozen=True)
class Put:
    item: Item

    @property
    def key(self) -> Key:
        return key_of(self.item)

    @property
    def size(self) -> int:
        return size_of(self.item)


@dataclass(frozen=True)
class Delete:
    key: Key
    size: int = 0


Write = Put | Delete


def key_of(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def size_of(item: Item) -> int:
    """Return the bytes of the item's names and values, as DynamoDB counts them."""
    values = (next(iter(value.values())) for value in item.values())
    return sum(map(len, item)) + sum(len(value if isinstance(value, bytes) else value.encode()) for value in values)


def check_transaction(actions: Iterable[tuple[Key, int]]) -> None:
    """Raise StoreRefused if DynamoDB would refuse to act on these items, each with its size in bytes, at once."""
    actions = list(actions)
    if not 0 < len(actions) <= ACTIONS:
        raise StoreRefused(f"a transaction takes 1 to {ACTIONS} actions, not {len(actions)}")
    keys, sizes = zip(*actions, strict=True)
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise StoreRefused(f"a transaction cannot include multiple operations on one item: {twice[0]}")
    longest = max(sizes)
    if longest > ITEM_BYTES:
        raise StoreRefused(f"an item may have {ITEM_BYTES} bytes; {keys[sizes.index(longest)]} has {longest}")
    if sum(sizes) > TRANSACTION_BYTES:
        raise StoreRefused(f"a transaction may have {TRANSACTION_BYTES} bytes, not {sum(sizes)}")


def divided(writes: Sequence[Write], actions: int, size: int) -> Iterator[Sequence[Write]]:
    """Yield the writes in their order, at most so many and so many bytes at once, and at least one."""
    first, used = 0, 0
    for number, write in enumerate(writes):
        if number > first and (number - first >= actions or used + write.size > size):
            yield writes[first:number]
            first, used = number, 0
        used += write.size
    if writes[first:]:
        yield writes[first:]
