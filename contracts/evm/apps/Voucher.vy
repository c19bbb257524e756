# @title  A token of another domain, as the transfer application keeps it here
# @notice An ERC-20 that Transfer alone mints and burns. Its name is its ICS-20 path, newest hop first; it counts in
#         the token's smallest unit, so it has no decimals. Transfer deploys this code once and makes minimal proxies
#         to it.

from ethereum.ercs import IERC20

implements: IERC20

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

decimals: public(constant(uint8)) = 0

TRANSFER: public(immutable(address))

path: public(String[1024])
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__():
    TRANSFER = msg.sender


@internal
@view
def _onlyTransfer():
    if msg.sender != TRANSFER:
        raw_revert(abi_encode(msg.sender, method_id=method_id("Unauthorized(address)")))


# @notice From Transfer, once, in the transaction that makes the proxy.
@external
def initialize(path: String[1024]):
    self._onlyTransfer()
    assert len(self.path) == 0 and len(path) > 0
    self.path = path


@external
@view
def name() -> String[1024]:
    return self.path


# @notice The token's name at home: what follows the path's last hop, cut at 32 characters.
@external
@view
def symbol() -> String[32]:
    path: String[1024] = self.path
    # Paths are `transfer/{client}/…`: hops come in pairs.
    start: uint256 = 0
    for i: uint256 in range(16):
        next: uint256 = start
        if len(path) < start + 9 or slice(path, start, 9) != "transfer/":
            break
        next = start + 9
        for j: uint256 in range(65):
            if next >= len(path) or slice(path, next, 1) == "/":
                break
            next += 1
        if next + 1 >= len(path):
            break
        start = next + 1
    return convert(slice(path, start, min(32, len(path) - start)), String[32])


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        if allowed < amount:
            raw_revert(
                abi_encode(
                    msg.sender,
                    allowed,
                    amount,
                    method_id=method_id("ERC20InsufficientAllowance(address,uint256,uint256)"),
                )
            )
        self.allowance[owner][msg.sender] = unsafe_sub(allowed, amount)
    self._move(owner, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@internal
def _move(owner: address, receiver: address, amount: uint256):
    if receiver == empty(address):
        raw_revert(abi_encode(receiver, method_id=method_id("ERC20InvalidReceiver(address)")))
    self._take(owner, amount)
    self.balanceOf[receiver] = unsafe_add(self.balanceOf[receiver], amount)
    log Transfer(sender=owner, receiver=receiver, value=amount)


@internal
def _take(owner: address, amount: uint256):
    balance: uint256 = self.balanceOf[owner]
    if balance < amount:
        raw_revert(
            abi_encode(
                owner, balance, amount, method_id=method_id("ERC20InsufficientBalance(address,uint256,uint256)")
            )
        )
    self.balanceOf[owner] = unsafe_sub(balance, amount)


# @notice From Transfer.
@external
def mint(receiver: address, amount: uint256):
    self._onlyTransfer()
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=empty(address), receiver=receiver, value=amount)


# @notice From Transfer, which burns what it has taken from a sender.
@external
def burn(amount: uint256):
    self._onlyTransfer()
    self._take(msg.sender, amount)
    self.totalSupply -= amount
    log Transfer(sender=msg.sender, receiver=empty(address), value=amount)
