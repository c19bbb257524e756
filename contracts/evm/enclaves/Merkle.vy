# @title  Roots of SSZ values, as docs/spec/enclaves.md has them
# @notice A module of pure functions: what is signed is the root of typed values, so that nothing is decoded here and one
#         set of values has one root. SHA-256 by the precompile.

# Masks of every other byte, pair, four and eight, for turning a word's bytes around.
ODD: constant(uint256) = max_value(uint256) // (2**16 - 1) * (2**8 - 1)
PAIRS: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**16 - 1)
FOURS: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**32 - 1)
EIGHTS: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**64 - 1)

# Roots of empty trees: Z0 is 32 zero bytes, and each next the hash of two of the one before.
Z1: constant(bytes32) = 0xf5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b
Z2: constant(bytes32) = 0xdb56114e00fdd4c1f85c892bf35ac9a89289aaecb1ebd0a96cde606a748b5d71
Z3: constant(bytes32) = 0xc78009fdf07fc56a11f122370658a353aaa542ed63e44c4bc15ff4cd105ab33c
Z4: constant(bytes32) = 0x536d98837f2dd165a55d5eeae91485954472d56f246df256bf3cae19352a123c
Z5: constant(bytes32) = 0x9efde052aa15429fae05bad4d0b1d7c64da64d03d7a1854a588c2cb8430c0d30
Z6: constant(bytes32) = 0xd88ddfeed400a8755596b21942c1497e114c302e6118290f91e6772976041fa1
Z7: constant(bytes32) = 0x87eb0ddba57e35f6d286673802a4af5975e22506c7cf4c64bb6be5ee11527f2c
Z8: constant(bytes32) = 0x26846476fd5fc54a5d43385167c95144f2643f533cc85bb9d16b782f8d7db193

# What a version of 1 is as a leaf: two bytes, the lower first.
VERSION: constant(bytes32) = 0x0100000000000000000000000000000000000000000000000000000000000000


@internal
@pure
def pair(left: bytes32, right: bytes32) -> bytes32:
    return sha256(concat(left, right))


# @notice The root of an empty tree of so many levels, 0 to 8.
@internal
@pure
def empty_root(level: uint256) -> bytes32:
    zeros: bytes32[9] = [empty(bytes32), Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8]
    return zeros[level]


# @notice A number as a leaf: its bytes turned around, zeros behind.
@internal
@pure
def number(x: uint256) -> bytes32:
    y: uint256 = ((x >> 8) & ODD) | ((x & ODD) << 8)
    y = ((y >> 16) & PAIRS) | ((y & PAIRS) << 16)
    y = ((y >> 32) & FOURS) | ((y & FOURS) << 32)
    y = ((y >> 64) & EIGHTS) | ((y & EIGHTS) << 64)
    return convert((y >> 128) | (y << 128), bytes32)


# @notice The root of a list with so many members, from that of its tree.
@internal
@pure
def with_length(root: bytes32, count: uint256) -> bytes32:
    return self.pair(root, self.number(count))


# @notice The root of `ByteList[32 * 2**levels]`, up to 2,048 bytes.
@internal
@pure
def byte_list(content: Bytes[2048], levels: uint256) -> bytes32:
    size: uint256 = len(content)
    chunks: DynArray[bytes32, 256] = []
    padded: Bytes[2080] = concat(content, empty(bytes32))
    for i: uint256 in range((size + 31) // 32, bound=64):
        chunks.append(extract32(padded, 32 * i))
    return self.with_length(self.tree(chunks, levels), size)


# @notice The root of up to 256 leaves in a tree of `levels` levels, which has room for them.
@internal
@pure
def tree(leaves: DynArray[bytes32, 256], levels: uint256) -> bytes32:
    assert len(leaves) <= 2**levels
    if len(leaves) == 0:
        return self.empty_root(levels)
    nodes: DynArray[bytes32, 256] = leaves
    count: uint256 = len(leaves)
    for level: uint256 in range(levels, bound=8):
        next: uint256 = (count + 1) // 2
        for i: uint256 in range(next, bound=128):
            right: bytes32 = self.empty_root(level)
            if 2 * i + 1 < count:
                right = nodes[2 * i + 1]
            nodes[i] = self.pair(nodes[2 * i], right)
        count = next
    return nodes[0]
