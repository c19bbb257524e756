# @title  The account through which a sender of another domain acts here
# @notice One for each sender and lane, made by the execution handler with CREATE2, so that its address is known
#         before it exists. No key opens it: it obeys its handler and nobody else.
#         The handler's calldata is the call's input, byte for byte; whom to call and with how much gas the account
#         asks of its handler (`order`: target, gas limit above it, the call's number above that). That spares copies of the input.
# @dev    docs/spec/envelope.md section 4, docs/spec/host.md section 7.

interface Handler:
    def order() -> uint256: view

# Longest result of one call; ExecutionHandler holds the same.
RESULT_MAX: constant(uint256) = 1008

# What the account needs itself before (cold target) and after the call.
RESERVE: constant(uint256) = 10_000

HANDLER: immutable(address)


@deploy
def __init__():
    HANDLER = msg.sender


# @notice From the handler: makes the call that was ordered and answers what it answered.
#         From anyone else: takes tokens that ask (ERC-721, ERC-1155), and nothing else. It takes no ether, for no call
#         could spend it.
# @dev    Fails with what the target said where the target failed, and without data where there was not enough gas to
#         give the target its limit: the router tells the two apart.
@external
@raw_return
def __default__() -> Bytes[RESULT_MAX + 1]:
    if msg.sender != HANDLER:
        selector: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
        assert selector in [0x150b7a02, 0xf23a6e61, 0xbc197c81]
        return slice(abi_encode(selector), 0, 32)
    order: uint256 = staticcall Handler(HANDLER).order()
    gasLimit: uint256 = (order >> 160) & (2**64 - 1)
    # 63/64: the call gets its limit, or none of this happens.
    assert msg.gas > unsafe_add(unsafe_add(gasLimit, gasLimit // 63), RESERVE)
    success: bool = False
    answer: Bytes[RESULT_MAX + 1] = b""
    success, answer = raw_call(
        convert(order & (2**160 - 1), address),
        msg.data,
        gas=gasLimit,
        max_outsize=RESULT_MAX + 1,
        revert_on_failure=False,
    )
    if not success:
        raw_revert(abi_encode(order >> 224, answer, method_id=method_id("CallReverted(uint256,bytes)")))
    return answer
