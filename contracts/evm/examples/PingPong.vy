# @title  A contract that is called from another domain, and calls back
# @notice An example of kit/Receiver.vy: a peer elsewhere sends `ping`, this contract counts it and answers with a call
#         of its own; the ledger or chain of the peer says later what became of the answer.

from kit import Receiver

initializes: Receiver

interface Handler:
    def sendCall(
        client: String[64], timeout: uint64, target: Bytes[64], gasLimit: uint64, input: Bytes[1792]
    ) -> uint64: nonpayable

event Pinged:
    owner: Bytes[64]
    pings: uint256
    sequence: uint64

event PongSettled:
    client: String[64]
    sequence: uint64
    status: uint8

owner: public(address)
# The lane to the peer, the peer there (ERC-7930), and what to tell it.
client: public(String[64])
peer: public(Bytes[64])
answer: public(Bytes[1024])

pings: public(uint256)
# Answers that were executed, failed, and timed out.
settled: public(uint256[3])


@deploy
def __init__(handler: address):
    Receiver.__init__(handler)
    self.owner = msg.sender


# @notice Only `peer`, over `client`, may ping from now on.
@external
def setPeer(client: String[64], peer: Bytes[64], answer: Bytes[1024]) -> address:
    assert msg.sender == self.owner
    self.client = client
    self.peer = peer
    self.answer = answer
    return Receiver.allow(client, peer)


# @notice From the peer's execution account.
@external
def ping() -> uint256:
    Receiver.onlyAllowed()
    self.pings += 1
    # Sending from within a call is sending like any other; if this fails, so does the ping, and its sender is told.
    sequence: uint64 = extcall Handler(Receiver.handler).sendCall(
        self.client, convert(block.timestamp, uint64) + 3600, self.peer, 200_000, self.answer
    )
    log Pinged(owner=Receiver.senderOf(msg.sender), pings=self.pings, sequence=sequence)
    return self.pings


# @notice From the handler: what became of an answer. 0 executed, 1 failed, 2 timed out.
@external
def onSettled(crossing: bytes32, client: String[64], sequence: uint64, status: uint8, outcome: Bytes[2048]):
    Receiver.onlyHandler()
    self.settled[status] += 1
    log PongSettled(client=client, sequence=sequence, status=status)
