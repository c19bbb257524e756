# @title  A swap that another domain orders: tokens in, through the pool, and the output home
# @notice An envelope names tokens as the call's funds, so that they are here before the call. What is done here is done
#         whole or not at all: a price that is too low undoes the packet, and the sender is refunded at home.

from ethereum.ercs import IERC20

struct SendTransferMsg:
    denom: address
    amount: uint256
    receiver: String[256]
    sourceClient: String[64]
    destPort: String[128]
    timeoutTimestamp: uint64
    memo: String[1024]

interface Pool:
    def swap(tokenIn: address, amountIn: uint256, minOut: uint256, receiver: address) -> uint256: nonpayable

interface Transfer:
    def sendTransferFor(message: SendTransferMsg, refundTo: address) -> uint64: nonpayable

event SwappedAndReturned:
    caller: indexed(address)
    client: String[64]
    sequence: uint64
    amountOut: uint256

POOL: public(immutable(address))
TRANSFER: public(immutable(address))


@deploy
def __init__(pool: address, transfer: address):
    POOL = pool
    TRANSFER = transfer


# @notice Swaps `amountIn`, which has been paid to this contract, and sends what it gives to `receiver` over `client`.
# @param  timeout  of the way home: seconds since 1970
# @return sequence of the transfer, and its amount. Should it fail, the caller (an execution account) gets the tokens.
@external
@nonreentrant
def swapAndReturn(
    tokenIn: address,
    amountIn: uint256,
    tokenOut: address,
    minOut: uint256,
    client: String[64],
    receiver: String[256],
    timeout: uint64,
) -> (uint64, uint256):
    assert extcall IERC20(tokenIn).approve(POOL, amountIn, default_return_value=True)
    amountOut: uint256 = extcall Pool(POOL).swap(tokenIn, amountIn, minOut, self)
    assert extcall IERC20(tokenOut).approve(TRANSFER, amountOut, default_return_value=True)
    sequence: uint64 = extcall Transfer(TRANSFER).sendTransferFor(
        SendTransferMsg(
            denom=tokenOut,
            amount=amountOut,
            receiver=receiver,
            sourceClient=client,
            destPort="transfer",
            timeoutTimestamp=timeout,
            memo="",
        ),
        msg.sender,
    )
    log SwappedAndReturned(caller=msg.sender, client=client, sequence=sequence, amountOut=amountOut)
    return sequence, amountOut
