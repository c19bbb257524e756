# @title  Addresses as text, and text as addresses
# @notice Hexadecimal 16 or 32 characters at a time: the arithmetic works on all bytes of a word at once.

# 01 in each byte; 0f in each; and every second 1, 2, 4 or 8 bytes.
ONES: constant(uint256) = max_value(uint256) // 255
LOW: constant(uint256) = max_value(uint256) // 255 * 15
SINGLES: constant(uint256) = max_value(uint256) // (2**16 - 1) * (2**8 - 1)
PAIRS: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**16 - 1)
FOURS: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**32 - 1)
EIGHTS: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**64 - 1)
HALF: constant(uint256) = 2**128 - 1

# @notice One digit for each byte of `word`; each byte is below 16.
@internal
@pure
def _digits(word: uint256) -> uint256:
    letters: uint256 = (unsafe_add(word, unsafe_mul(ONES, 6)) >> 4) & ONES
    return unsafe_add(unsafe_add(word, unsafe_mul(ONES, 48)), unsafe_mul(letters, 39))


# @notice The 16 bytes `half` spread over 32 bytes, one nibble in each.
@internal
@pure
def _spread(half: uint256) -> uint256:
    x: uint256 = half
    x = (x | (x << 64)) & EIGHTS
    x = (x | (x << 32)) & FOURS
    x = (x | (x << 16)) & PAIRS
    x = (x | (x << 8)) & SINGLES
    return (x | (x << 4)) & LOW


# @notice 32 characters as the 16 bytes they write; `exact` refuses capitals. The second value says whether they do.
@internal
@pure
def _gather(characters: uint256, exact: bool) -> (uint256, bool):
    letters: uint256 = (characters >> 6) & ONES
    x: uint256 = unsafe_add(characters & LOW, unsafe_mul(letters, 9))
    lower: uint256 = characters
    if not exact:
        lower = characters | (letters << 5)
    # Only 16 digits write themselves again.
    if (x & ~LOW) != 0 or self._digits(x) != lower:
        return 0, False
    x = (x | (x >> 4)) & SINGLES
    x = (x | (x >> 8)) & PAIRS
    x = (x | (x >> 16)) & FOURS
    x = (x | (x >> 32)) & EIGHTS
    return (x | (x >> 64)) & HALF, True


# @notice The 32 lower-case digits of 16 bytes.
@internal
@pure
def digits(half: uint256) -> bytes32:
    return convert(self._digits(self._spread(half)), bytes32)


# @notice `0x` and 40 lower-case digits.
@internal
@pure
def ofAddress(account: address) -> String[42]:
    raw: uint256 = convert(account, uint256)
    head: bytes32 = convert(self._digits(self._spread(raw >> 32)), bytes32)
    tail: uint256 = self._digits(self._spread(raw & (2**32 - 1)))
    return convert(
        concat(b"0x", head, convert(convert(tail & (2**64 - 1), uint64), bytes8)), String[42]
    )


# @notice The address that 42 characters write: `0x` and 40 digits, with `exact` lower-case ones only.
#         The second value says whether they write one; no other text names an address.
# @param  first  characters 0 to 31
# @param  last   characters 10 to 41
@internal
@pure
def toAddress(first: bytes32, last: bytes32, exact: bool) -> (address, bool):
    a: uint256 = convert(first, uint256)
    b: uint256 = convert(last, uint256)
    if (a >> 240) != 12408:
        return empty(address), False
    high: uint256 = 0
    low: uint256 = 0
    good: bool = False
    # Characters 2 to 31, with two zeros before them, are 16 bytes of which the first is zero.
    high, good = self._gather((a & (2**240 - 1)) | (12336 * 2**240), exact)
    if not good:
        return empty(address), False
    low, good = self._gather(b, exact)
    if not good:
        return empty(address), False
    # 15 bytes and 16 bytes; both halves hold characters 10 to 31.
    return convert(((high >> 88) << 128) | low, address), True
