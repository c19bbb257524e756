"""SSZ of execution envelopes and outcomes (docs/spec/envelope.md), written out by hand."""
from dataclasses import dataclass, field


class Refused(ValueError):
    """Bytes that are not the one encoding of a value."""


def le(size: int, number: int) -> bytes:
    return number.to_bytes(size, "little")


@dataclass(frozen=True)
class Coin:
    denom: bytes
    amount: int


@dataclass(frozen=True)
class Call:
    target: bytes
    funds: tuple = ()
    gas_limit: int = 200_000
    input: bytes = b""


@dataclass(frozen=True)
class Attribute:
    selector: bytes
    value: bytes


@dataclass(frozen=True)
class Envelope:
    calls: tuple
    refund_to: bytes
    attributes: tuple = field(default_factory=tuple)
    version: int = 1

    def encode(self) -> bytes:
        calls = listed([_call(c) for c in self.calls])
        attributes = listed([a.selector + le(4, 8) + a.value for a in self.attributes])
        first = 2 + 3 * 4
        second = first + len(calls)
        third = second + len(self.refund_to)
        return (le(2, self.version) + le(4, first) + le(4, second) + le(4, third) + calls + self.refund_to + attributes)


def listed(parts) -> bytes:
    """A list of elements of variable size: offsets, then the elements."""
    offset, head = 4 * len(parts), b""
    for part in parts:
        head += le(4, offset)
        offset += len(part)
    return head + b"".join(parts)


def _coin(coin: Coin) -> bytes:
    return le(4, 36) + le(32, coin.amount) + coin.denom


def _call(call: Call) -> bytes:
    funds = listed([_coin(c) for c in call.funds])
    first = 4 + 4 + 8 + 4
    second = first + len(call.target)
    third = second + len(funds)
    return (le(4, first) + le(4, second) + le(8, call.gas_limit) + le(4, third) + call.target + funds + call.input)


@dataclass(frozen=True)
class Outcome:
    status: int
    gas_used: int
    results: tuple = ()
    error: bytes = b""

    def encode(self) -> bytes:
        results = listed(self.results)
        first = 1 + 8 + 4 + 4
        return le(1, self.status) + le(8, self.gas_used) + le(4, first) + le(4, first + len(results)) + results + self.error

    @staticmethod
    def decode(raw: bytes) -> "Outcome":
        if len(raw) < 17:
            raise Refused("too short")
        first, second = int.from_bytes(raw[9:13], "little"), int.from_bytes(raw[13:17], "little")
        if first != 17 or not first <= second <= len(raw):
            raise Refused("offsets")
        results = unlisted(raw[first:second], 16)
        status, error = raw[0], raw[second:]
        if status > 1 or (status == 0 and error) or (status == 1 and results):
            raise Refused("status")
        if any(len(r) > 16_384 for r in results) or len(error) > 512:
            raise Refused("limit")
        return Outcome(status, int.from_bytes(raw[1:9], "little"), tuple(results), error)


def unlisted(raw: bytes, limit: int):
    """The elements of a list of elements of variable size, strictly."""
    if not raw:
        return []
    if len(raw) < 4:
        raise Refused("list is cut")
    first = int.from_bytes(raw[:4], "little")
    if first % 4 or first == 0 or first > len(raw) or first // 4 > limit:
        raise Refused("first offset")
    offsets = [int.from_bytes(raw[i : i + 4], "little") for i in range(0, first, 4)] + [len(raw)]
    if any(a > b for a, b in zip(offsets, offsets[1:])):
        raise Refused("order of offsets")
    return [raw[a:b] for a, b in zip(offsets, offsets[1:])]


def _address(raw: bytes):
    """An ERC-7930 address with an account, in its one encoding."""
    if not 7 <= len(raw) <= 64 or raw[:2] != b"\0\1":
        raise Refused("address")
    kind, size = int.from_bytes(raw[2:4], "big"), raw[4]
    reference, rest = raw[5 : 5 + size], raw[5 + size :]
    if len(reference) != size or not rest or rest[0] != len(rest) - 1 or rest[0] == 0:
        raise Refused("address")
    if kind == 0 and (rest[0] != 20 or size > 32 or reference[:1] == b"\0"):
        raise Refused("eip155 address")


def decode_envelope(raw: bytes) -> Envelope:
    """An envelope, strictly: everything that is not the one encoding of a value within the limits is refused."""
    if len(raw) < 14 or raw[:2] != b"\1\0":
        raise Refused("version")
    offsets = [int.from_bytes(raw[i : i + 4], "little") for i in (2, 6, 10)]
    if offsets[0] != 14 or not 14 <= offsets[1] <= offsets[2] <= len(raw):
        raise Refused("offsets")
    calls = unlisted(raw[14 : offsets[1]], 16)
    if not calls:
        raise Refused("no calls")
    refund = raw[offsets[1] : offsets[2]]
    _address(refund)
    attributes = tuple(_attribute(a) for a in unlisted(raw[offsets[2] :], 16))
    return Envelope(tuple(_decode_call(c) for c in calls), refund, attributes)


def _attribute(raw: bytes) -> Attribute:
    if not 8 <= len(raw) <= 8 + 4096 or raw[4:8] != le(4, 8):
        raise Refused("attribute")
    return Attribute(raw[:4], raw[8:])


def _decode_call(raw: bytes) -> Call:
    if len(raw) < 20:
        raise Refused("call is cut")
    first, second, third = (int.from_bytes(raw[i : i + 4], "little") for i in (0, 4, 16))
    if first != 20 or not 20 <= second <= third <= len(raw) or len(raw) - third > 131_072:
        raise Refused("offsets of a call")
    target = raw[20:second]
    _address(target)
    funds = tuple(_decode_coin(c) for c in unlisted(raw[second:third], 8))
    return Call(target, funds, int.from_bytes(raw[8:16], "little"), raw[third:])


def _decode_coin(raw: bytes) -> Coin:
    if not 37 <= len(raw) <= 36 + 128 or raw[:4] != le(4, 36):
        raise Refused("coin")
    amount = int.from_bytes(raw[4:36], "little")
    if amount == 0:
        raise Refused("coin of nothing")
    return Coin(raw[36:], amount)
