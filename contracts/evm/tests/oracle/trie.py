"""RLP and Merkle-Patricia proofs from a state root down, with nothing but Keccak-256."""
from .hashes import K

EMPTY_ROOT = K(b"\x80")


class Broken(ValueError):
    """A proof that proves nothing."""


def decode(raw: bytes):
    item, end = _item(raw, 0)
    if end != len(raw):
        raise Broken("trailing bytes")
    return item


def _item(raw: bytes, at: int):
    if at >= len(raw):
        raise Broken("cut")
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    if first < 0xB8 or 0xC0 <= first < 0xF8:
        size, start = (first - 0x80, at + 1) if first < 0xB8 else (first - 0xC0, at + 1)
    else:
        count = first - (0xB7 if first < 0xC0 else 0xF7)
        size, start = int.from_bytes(raw[at + 1 : at + 1 + count], "big"), at + 1 + count
        if size < 56 or raw[at + 1] == 0:
            raise Broken("length is not minimal")
    end = start + size
    if end > len(raw):
        raise Broken("cut")
    if first < 0xC0:
        if size == 1 and raw[start] < 0x80 and first == 0x81:
            raise Broken("single byte with a prefix")
        return raw[start:end], end
    items = []
    while start < end:
        item, start = _item(raw, start)
        items.append(item)
    if start != end:
        raise Broken("list overruns")
    return items, end


def _nibbles(raw: bytes):
    return [n for byte in raw for n in (byte >> 4, byte & 15)]


def lookup(root: bytes, key: bytes, nodes):
    """The value at `key` under `root`, or None when the nodes prove that there is none; every node must be used."""
    rest, left = _nibbles(K(key)), list(nodes)
    if root == EMPTY_ROOT:
        if left and left != [b"\x80"]:
            raise Broken("nodes of an empty trie")
        return None
    node = _take(root, left)
    while True:
        if len(node) == 17:
            if not rest:
                return _done(node[16] or None, left)
            child, rest = node[rest[0]], rest[1:]
        elif len(node) == 2:
            path = _nibbles(node[0])
            leaf, path = path[0] >= 2, path[1:] if path[0] & 1 else path[2:]
            if leaf:
                return _done(node[1] if path == rest else None, left)
            if rest[: len(path)] != path:
                return _done(None, left)
            child, rest = node[1], rest[len(path):]
        else:
            raise Broken("arity")
        if child == b"":
            return _done(None, left)
        node = child if isinstance(child, list) else _take(child, left)


def _take(expected: bytes, left):
    if not left:
        raise Broken("nodes are missing")
    raw = left.pop(0)
    if K(raw) != expected:
        raise Broken("a node is another one")
    return decode(raw)


def _done(value, left):
    if left:
        raise Broken("nodes are left over")
    return value


def storage_at(state_root: bytes, address: bytes, slot: bytes, account_nodes, storage_nodes) -> int:
    """The word of a contract's storage that the state root commits to."""
    account = lookup(state_root, address, account_nodes)
    if account is None:
        raise Broken("there is no such account")
    word = lookup(decode(account)[2], slot, storage_nodes)
    return 0 if word is None else int.from_bytes(decode(word), "big")
