# @title  What things are called in what enclaves and registrars sign
# @notice A module: this chain and its accounts in ERC-7930, and digests with a tag (docs/spec/enclaves.md).

# Half of the order of secp256k1: a signature with a larger s has a twin (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

# ERC-7930 of an account of this chain, but for its 20 bytes; and of the chain alone.
ACCOUNT: immutable(Bytes[14])
DOMAIN: immutable(Bytes[14])
# S(DOMAIN).
DOMAIN_HASH: immutable(bytes32)
# A chain that splits gets another number on one side: nothing is signed for that side.
CHAIN: immutable(uint256)


@deploy
def __init__():
    size: uint256 = 1
    for i: uint256 in range(1, 8):
        if chain.id >> (8 * i) == 0:
            break
        size += 1
    assert chain.id >> (8 * size) == 0
    # 0001 ‖ 0000 (EIP-155) ‖ u8 length ‖ the number without leading zeros ‖ u8 length of the account
    reference: bytes32 = convert(chain.id << (8 * (32 - size)), bytes32)
    head: Bytes[25] = slice(
        concat(b"\x00\x01\x00\x00", convert(convert(size, uint8), bytes1), slice(reference, 0, 20)), 0, 5 + size
    )
    ACCOUNT = convert(concat(head, b"\x14"), Bytes[14])
    DOMAIN = convert(concat(head, b"\x00"), Bytes[14])
    DOMAIN_HASH = sha256(concat(head, b"\x00"))
    CHAIN = chain.id


@internal
@view
def domain() -> Bytes[14]:
    return DOMAIN


@internal
@view
def account(owner: address) -> Bytes[34]:
    return concat(ACCOUNT, convert(owner, bytes20))


# @notice S(tag ‖ S(domain) ‖ root): what an enclave or a coordinator signs. The tag comes with its length before it.
@internal
@view
def digest(tag: Bytes[40], root: bytes32) -> bytes32:
    assert chain.id == CHAIN, "other chain"
    return sha256(concat(tag, DOMAIN_HASH, root))


# @notice Who signed a digest: `r ‖ s ‖ v`, v 27 or 28, low s. Zero for nobody.
@internal
@pure
def signer(digest: bytes32, signature: Bytes[65]) -> address:
    if len(signature) != 65:
        return empty(address)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if s > HALF_ORDER or (v != 27 and v != 28):
        return empty(address)
    return ecrecover(digest, v, convert(slice(signature, 0, 32), uint256), s)
