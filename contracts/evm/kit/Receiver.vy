# @title  A base for contracts that are called from other domains
# @notice A module. A sender of another domain calls through its execution account; this module knows which accounts
#         are whose, and asks nothing of anybody while a call runs.
#
#             from kit import Receiver
#             initializes: Receiver
#
#             @deploy
#             def __init__(handler: address):
#                 Receiver.__init__(handler)
#
#             @external
#             def set(number: uint256):
#                 Receiver.onlyAllowed()          # one of the senders that were allowed
#                 owner: Bytes[64] = Receiver.senderOf(msg.sender)    # its address at home, ERC-7930
#
#         See examples/PingPong.vy.

interface Handler:
    def accountOf(client: String[64], owner: Bytes[64]) -> address: view

event SenderAllowed:
    account: indexed(address)
    client: String[64]
    owner: Bytes[64]

event SenderForbidden:
    account: indexed(address)

# The execution handler.
handler: public(address)
# ERC-7930 address of the sender behind an account; empty for accounts that are not allowed.
senders: HashMap[address, Bytes[64]]


@deploy
def __init__(handler: address):
    assert handler.is_contract
    self.handler = handler


# @notice Allows the sender `owner`, an ERC-7930 address of the domain behind `client`. Who may say so is yours to
#         check before.
@internal
def allow(client: String[64], owner: Bytes[64]) -> address:
    account: address = staticcall Handler(self.handler).accountOf(client, owner)
    self.senders[account] = owner
    log SenderAllowed(account=account, client=client, owner=owner)
    return account


@internal
def forbid(account: address):
    self.senders[account] = b""
    log SenderForbidden(account=account)


# @notice Refuses every caller but the accounts of allowed senders.
@internal
@view
def onlyAllowed():
    if len(self.senders[msg.sender]) == 0:
        raw_revert(abi_encode(msg.sender, method_id=method_id("Unauthorized(address)")))


# @notice Refuses every caller but the handler: first line of `onSettled`.
@internal
@view
def onlyHandler():
    if msg.sender != self.handler:
        raw_revert(abi_encode(msg.sender, method_id=method_id("Unauthorized(address)")))


# @notice The sender behind an account that is allowed.
@internal
@view
def senderOf(account: address) -> Bytes[64]:
    return self.senders[account]
