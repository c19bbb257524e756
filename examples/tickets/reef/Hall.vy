# @title  A hall that sells its seats to customers of another domain, through its box office there
# @notice The box office's contract calls `sell` through its execution account; the envelope names the price as the call's
#         funds, so that it is here before the call. What is refused here is refunded there.

from ethereum.ercs import IERC20
from kit import Receiver

initializes: Receiver

interface Transfer:
    def voucherOf(path: String[1024]) -> address: view

event Sold:
    seat: indexed(uint256)
    holder: String[128]

OWNER: immutable(address)
TRANSFER: immutable(address)
PRICE: public(immutable(uint256))
SEATS: public(immutable(uint256))

# ICS-20 path of what the price is paid in. The voucher that stands for it is made when the first one arrives.
path: public(String[1024])
# What was paid until now.
takings: public(uint256)
# Who has a seat, as the box office's domain writes it.
holderOf: public(HashMap[uint256, String[128]])


@deploy
def __init__(handler: address, transfer: address, path: String[1024], price: uint256, seats: uint256):
    Receiver.__init__(handler)
    OWNER = msg.sender
    TRANSFER = transfer
    self.path = path
    PRICE = price
    SEATS = seats


# @notice Lets a contract of another domain sell.
# @param  owner  its ERC-7930 address
@external
def admit(client: String[64], owner: Bytes[64]):
    assert msg.sender == OWNER, "not yours"
    Receiver.allow(client, owner)


# @notice Sells a seat for what was paid in with this call.
# @return what the hall has taken in altogether
@external
@nonreentrant
def sell(seat: uint64, holder: String[128]) -> uint256:
    Receiver.onlyAllowed()
    number: uint256 = convert(seat, uint256)
    assert 0 < number and number <= SEATS, "no such seat"
    assert len(self.holderOf[number]) == 0, "taken"
    # Never the caller's word for what came in: what is here, less what was here before.
    held: uint256 = staticcall IERC20(staticcall Transfer(TRANSFER).voucherOf(self.path)).balanceOf(self)
    assert held - self.takings == PRICE, "not the price"
    self.takings = held
    self.holderOf[number] = holder
    log Sold(seat=number, holder=holder)
    return held
