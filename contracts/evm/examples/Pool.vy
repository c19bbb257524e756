# @title  A pool of two tokens with a constant product, and a fee of 0.3 %
# @notice An example to swap in: small, without an oracle, and not audited.

from ethereum.ercs import IERC20

event Swapped:
    token: indexed(address)
    receiver: indexed(address)
    amountIn: uint256
    amountOut: uint256

event LiquidityChanged:
    owner: indexed(address)
    shares: uint256
    reserve0: uint256
    reserve1: uint256

TOKEN0: public(immutable(address))
TOKEN1: public(immutable(address))

reserve0: public(uint256)
reserve1: public(uint256)
totalShares: public(uint256)
shares: public(HashMap[address, uint256])


@deploy
def __init__(token0: address, token1: address):
    assert token0 != token1
    TOKEN0 = token0
    TOKEN1 = token1


# @notice Pays both tokens in; the caller has approved them. The first pays what price it likes, others at most what
#         is asked, in the pool's proportion.
@external
@nonreentrant
def addLiquidity(amount0: uint256, amount1: uint256) -> uint256:
    paid0: uint256 = amount0
    paid1: uint256 = amount1
    minted: uint256 = 0
    if self.totalShares == 0:
        minted = isqrt(amount0 * amount1)
    else:
        minted = min(
            amount0 * self.totalShares // self.reserve0, amount1 * self.totalShares // self.reserve1
        )
        # Rounded up, so that no one's share shrinks.
        paid0 = (minted * self.reserve0 + self.totalShares - 1) // self.totalShares
        paid1 = (minted * self.reserve1 + self.totalShares - 1) // self.totalShares
    assert minted > 0, "too little"
    self.totalShares += minted
    self.shares[msg.sender] += minted
    self.reserve0 += paid0
    self.reserve1 += paid1
    assert extcall IERC20(TOKEN0).transferFrom(msg.sender, self, paid0, default_return_value=True)
    assert extcall IERC20(TOKEN1).transferFrom(msg.sender, self, paid1, default_return_value=True)
    log LiquidityChanged(owner=msg.sender, shares=minted, reserve0=self.reserve0, reserve1=self.reserve1)
    return minted


@external
@nonreentrant
def removeLiquidity(burnt: uint256) -> (uint256, uint256):
    amount0: uint256 = burnt * self.reserve0 // self.totalShares
    amount1: uint256 = burnt * self.reserve1 // self.totalShares
    self.shares[msg.sender] -= burnt
    self.totalShares -= burnt
    self.reserve0 -= amount0
    self.reserve1 -= amount1
    assert extcall IERC20(TOKEN0).transfer(msg.sender, amount0, default_return_value=True)
    assert extcall IERC20(TOKEN1).transfer(msg.sender, amount1, default_return_value=True)
    log LiquidityChanged(owner=msg.sender, shares=burnt, reserve0=self.reserve0, reserve1=self.reserve1)
    return amount0, amount1


# @notice What `amountIn` of a token would give.
@external
@view
def quote(tokenIn: address, amountIn: uint256) -> uint256:
    return self._quote(tokenIn, amountIn)


@internal
@view
def _quote(tokenIn: address, amountIn: uint256) -> uint256:
    assert tokenIn == TOKEN0 or tokenIn == TOKEN1, "token"
    reserveIn: uint256 = self.reserve0
    reserveOut: uint256 = self.reserve1
    if tokenIn == TOKEN1:
        reserveIn = self.reserve1
        reserveOut = self.reserve0
    afterFee: uint256 = amountIn * 997
    return afterFee * reserveOut // (reserveIn * 1000 + afterFee)


# @notice Takes `amountIn` of one token from the caller and pays the other one to `receiver`.
@external
@nonreentrant
def swap(tokenIn: address, amountIn: uint256, minOut: uint256, receiver: address) -> uint256:
    amountOut: uint256 = self._quote(tokenIn, amountIn)
    assert amountOut >= minOut and amountOut > 0, "price"
    tokenOut: address = TOKEN1
    if tokenIn == TOKEN0:
        self.reserve0 += amountIn
        self.reserve1 -= amountOut
    else:
        tokenOut = TOKEN0
        self.reserve1 += amountIn
        self.reserve0 -= amountOut
    assert extcall IERC20(tokenIn).transferFrom(msg.sender, self, amountIn, default_return_value=True)
    assert extcall IERC20(tokenOut).transfer(receiver, amountOut, default_return_value=True)
    log Swapped(token=tokenIn, receiver=receiver, amountIn=amountIn, amountOut=amountOut)
    return amountOut
