# @title  Cases that an enclave computes over sealed inputs, settled with an ERC-20 in escrow
# @notice Whoever opens a case says which program under which policy decides it, who coordinates it, and until when. Inputs are
#         commitments to sealed envelopes, each with tokens in escrow. After closing, one enclave's receipt with the
#         coordinator's token pays out the escrow to the last unit, once; without one, everybody has the tokens back after
#         the case's end.
# @dev    docs/spec/settlement-evm.md; formats in docs/spec/enclaves.md. Roots are computed from typed values, so that nothing is
#         decoded and one settlement has one form. Accounts of payouts are accounts of this chain by construction.

from ethereum.ercs import IERC20
from enclaves import Merkle
from enclaves import Names

initializes: Names

interface Registry:
    def live(registration: bytes32) -> (address, bytes32, bytes32, bytes32): view

struct Opening:
    token: address
    # SHA-256 of the program's WASM, of the enclave policy, and of the attestation policy that registrars must have used.
    program: bytes32
    policy: bytes32
    attestationPolicy: bytes32
    # Whose tokens let a result settle: an address for `secp256k1-address`.
    coordinator: address
    closes: uint64
    expires: uint64
    maximumInputs: uint16
    # The least amount of one submission.
    least: uint256
    # The program's state before: what an update must begin with.
    state: bytes32

struct Submission:
    sender: address
    nonce: uint64
    # Paid back after the case was reclaimed.
    refunded: bool
    amount: uint256

# The same in two words: refunded << 224 | nonce << 160 | sender.
struct Stored:
    head: uint256
    amount: uint256

struct Payout:
    account: address
    amount: uint256

# What a receipt says beside what the case knows.
struct Result:
    registration: bytes32
    stateAfter: bytes32
    # Root of the sealed replies.
    replies: bytes32
    sequence: uint64
    previous: bytes32
    time: uint64

struct Token:
    attempt: uint64
    expires: uint64

event CaseOpened:
    case: indexed(bytes32)
    opener: indexed(address)
    number: uint64
    opening: Opening

event InputSubmitted:
    case: indexed(bytes32)
    sender: indexed(address)
    position: uint256
    nonce: uint64
    commitment: bytes32
    amount: uint256

event CaseClosed:
    case: indexed(bytes32)
    inputs: bytes32
    count: uint256

event CaseSettled:
    case: indexed(bytes32)
    registration: indexed(bytes32)
    receipt: bytes32
    update: bytes32
    result: Result
    token: Token

event PaidOut:
    case: indexed(bytes32)
    account: indexed(address)
    amount: uint256

# The token refused a payment: it waits for `claim`.
event PayoutKept:
    token: indexed(address)
    account: indexed(address)
    amount: uint256

event Claimed:
    token: indexed(address)
    account: indexed(address)
    amount: uint256

event CaseReclaimed:
    case: indexed(bytes32)

event Refunded:
    case: indexed(bytes32)
    sender: indexed(address)
    position: uint256
    amount: uint256

INPUTS_MAX: constant(uint256) = 256
PAYOUTS_MAX: constant(uint256) = 256
REFUNDS_MAX: constant(uint256) = 64
# Of one payout's transfer: a token that wants more gets its payouts kept for their owners.
TRANSFER_GAS: constant(uint256) = 200_000

REFUNDED: constant(uint256) = 2**224

OPEN: constant(uint8) = 1
SETTLED: constant(uint8) = 2
RECLAIMED: constant(uint8) = 3

# Their lengths before them.
CASE_TAG: constant(Bytes[17]) = b"\x10causeway/case/v1"
RECEIPT_TAG: constant(Bytes[20]) = b"\x13causeway/receipt/v1"
TOKEN_TAG: constant(Bytes[18]) = b"\x11causeway/token/v1"
NUMBER_TAG: constant(Bytes[24]) = b"\x17causeway/case-number/v1"
CUSTODY_TAG: constant(Bytes[20]) = b"\x13causeway/custody/v1"

# Kinds of custody links, as on a ledger.
LINK_OPENED: constant(bytes1) = 0x01
LINK_INPUT: constant(bytes1) = 0x02
LINK_CLOSED: constant(bytes1) = 0x03
LINK_REGISTRATION: constant(bytes1) = 0x04
LINK_TOKEN: constant(bytes1) = 0x05
LINK_RECEIPT: constant(bytes1) = 0x06
LINK_SETTLED: constant(bytes1) = 0x07
LINK_RECLAIMED: constant(bytes1) = 0x08

REGISTRY: public(immutable(address))

counter: public(uint64)
openings: HashMap[bytes32, Opening]
states: public(HashMap[bytes32, uint8])
counts: public(HashMap[bytes32, uint256])
escrows: public(HashMap[bytes32, uint256])
# The head of a case's custody chain: a hash over everything that happened to it, in order.
heads: public(HashMap[bytes32, bytes32])
submissions: HashMap[bytes32, HashMap[uint256, Stored]]
used: HashMap[bytes32, HashMap[address, HashMap[uint64, bool]]]
# Left neighbours of the tree of commitments, as far as it has grown; at last the root of a full one. The commitments
# themselves are in the events.
branches: HashMap[bytes32, bytes32[9]]
# What tokens refused to pay, by token and account.
owed: public(HashMap[address, HashMap[address, uint256]])


# @param registry  whose registrations count here
@deploy
def __init__(registry: address):
    assert registry.is_contract
    Names.__init__()
    REGISTRY = registry


# MARK: opening and submitting

# @notice Opens a case.
# @return its id: S(tag ‖ u16 size ‖ domain ‖ u64 number). Numbers of two contracts of one chain differ: they are the first
#         eight bytes of S(tag ‖ contract ‖ u64 counter).
@external
@nonreentrant
def open(opening: Opening) -> bytes32:
    assert opening.token.is_contract, "token"
    assert opening.coordinator != empty(address), "coordinator"
    assert opening.program != empty(bytes32) and opening.policy != empty(bytes32), "program"
    assert opening.attestationPolicy != empty(bytes32), "policy"
    assert convert(opening.closes, uint256) > block.timestamp and opening.expires > opening.closes, "times"
    inputs: uint256 = convert(opening.maximumInputs, uint256)
    assert 0 < inputs and inputs <= INPUTS_MAX, "inputs"
    counter: uint64 = self.counter + 1
    self.counter = counter
    number: uint64 = convert(
        convert(sha256(concat(NUMBER_TAG, convert(self, bytes20), convert(counter, bytes8))), uint256) >> 192, uint64
    )
    case: bytes32 = self._case(number)
    assert self.states[case] == 0, "number"
    self.states[case] = OPEN
    self.openings[case] = opening
    self.heads[case] = self._link(empty(bytes32), LINK_OPENED, sha256(abi_encode(number, msg.sender, opening)))
    log CaseOpened(case=case, opener=msg.sender, number=number, opening=opening)
    return case


@internal
@view
def _case(number: uint64) -> bytes32:
    domain: Bytes[14] = Names.domain()
    return sha256(concat(CASE_TAG, convert(convert(len(domain), uint16), bytes2), domain, convert(number, bytes8)))


# @notice Submits the commitment to a sealed envelope, with tokens that wait in escrow.
# @param  nonce  used once by a sender in a case
# @return the place of the input
@external
@nonreentrant
def submit(case: bytes32, commitment: bytes32, nonce: uint64, amount: uint256) -> uint256:
    self._expect(case, OPEN)
    opening: Opening = self.openings[case]
    if block.timestamp >= convert(opening.closes, uint256):
        raw_revert(abi_encode(case, opening.closes, method_id=method_id("Closed(bytes32,uint64)")))
    position: uint256 = self.counts[case]
    if position >= convert(opening.maximumInputs, uint256):
        raw_revert(abi_encode(case, opening.maximumInputs, method_id=method_id("Full(bytes32,uint16)")))
    if self.used[case][msg.sender][nonce]:
        raw_revert(abi_encode(msg.sender, nonce, method_id=method_id("NonceUsed(address,uint64)")))
    if amount < opening.least:
        raw_revert(abi_encode(amount, opening.least, method_id=method_id("TooLittle(uint256,uint256)")))
    self.used[case][msg.sender][nonce] = True
    self.counts[case] = position + 1
    self.submissions[case][position] = Stored(
        head=convert(msg.sender, uint256) | (convert(nonce, uint256) << 160), amount=amount
    )
    self._grow(case, position, commitment)
    self.heads[case] = self._link(
        self.heads[case], LINK_INPUT, sha256(abi_encode(msg.sender, nonce, commitment, amount))
    )
    self.escrows[case] += amount
    if amount > 0:
        # What came in is measured: a token that keeps some of it would leave the last one paid short.
        before: uint256 = staticcall IERC20(opening.token).balanceOf(self)
        assert extcall IERC20(opening.token).transferFrom(msg.sender, self, amount, default_return_value=True)
        came: uint256 = staticcall IERC20(opening.token).balanceOf(self) - before
        if came != amount:
            raw_revert(abi_encode(came, amount, method_id=method_id("NotPaid(uint256,uint256)")))
    log InputSubmitted(
        case=case, sender=msg.sender, position=position, nonce=nonce, commitment=commitment, amount=amount
    )
    return position


# @notice S(tag ‖ link before ‖ u8 kind ‖ S(content)).
@internal
@pure
def _link(before: bytes32, kind: bytes1, content: bytes32) -> bytes32:
    return sha256(concat(CUSTODY_TAG, before, kind, content))


# @notice S(SSZ(CaseClosing)): version, inputs and their count.
@internal
@pure
def _closing(inputs: bytes32, count: uint256) -> bytes32:
    return sha256(concat(b"\x01\x00", inputs, slice(Merkle.number(count), 0, 2)))


# @notice Adds a leaf at `position`: writes one node, the left neighbour that is whole now.
@internal
def _grow(case: bytes32, position: uint256, leaf: bytes32):
    node: bytes32 = leaf
    place: uint256 = position
    for level: uint256 in range(8):
        if place % 2 == 0:
            self.branches[case][level] = node
            return
        node = Merkle.pair(self.branches[case][level], node)
        place = place // 2
    self.branches[case][8] = node


# @notice hash_tree_root(List[Bytes32, 256]) of the commitments.
@internal
@view
def _inputs(case: bytes32) -> bytes32:
    count: uint256 = self.counts[case]
    if count == INPUTS_MAX:
        return Merkle.with_length(self.branches[case][8], INPUTS_MAX)
    node: bytes32 = empty(bytes32)
    place: uint256 = count
    for level: uint256 in range(8):
        if place % 2 == 1:
            node = Merkle.pair(self.branches[case][level], node)
        else:
            node = Merkle.pair(node, Merkle.empty_root(level))
        place = place // 2
    return Merkle.with_length(node, count)


# MARK: settling

# @notice Pays out a case as an enclave has decided, when its coordinator lets it: once.
# @param  payouts  they use exactly what is in escrow
# @param  receiptSignature  the enclave's: r ‖ s ‖ v
# @param  tokenSignature    the coordinator's
@external
@nonreentrant
def settle(
    case: bytes32,
    result: Result,
    payouts: DynArray[Payout, 256],
    receiptSignature: Bytes[65],
    token: Token,
    tokenSignature: Bytes[65],
):
    self._expect(case, OPEN)
    opening: Opening = self.openings[case]
    if block.timestamp < convert(opening.closes, uint256):
        raw_revert(abi_encode(case, opening.closes, method_id=method_id("NotClosed(bytes32,uint64)")))
    if block.timestamp >= convert(opening.expires, uint256):
        raw_revert(abi_encode(case, opening.expires, method_id=method_id("Expired(bytes32,uint64)")))
    # The enclave: registered, of this program under this policy, judged by the policy that the case named.
    signer: address = empty(address)
    program: bytes32 = empty(bytes32)
    policy: bytes32 = empty(bytes32)
    judgedBy: bytes32 = empty(bytes32)
    signer, program, policy, judgedBy = staticcall Registry(REGISTRY).live(result.registration)
    if signer == empty(address):
        raw_revert(abi_encode(result.registration, method_id=method_id("NotLive(bytes32)")))
    if program != opening.program or policy != opening.policy or judgedBy != opening.attestationPolicy:
        raw_revert(abi_encode(result.registration, method_id=method_id("OtherProgram(bytes32)")))
    if (
        result.sequence == 0
        or (result.sequence == 1) != (result.previous == empty(bytes32))
        or result.time < opening.closes
        or convert(result.time, uint256) > block.timestamp
    ):
        raw_revert(abi_encode(result.sequence, result.time, method_id=method_id("InvalidReceipt(uint64,uint64)")))
    inputs: bytes32 = self._inputs(case)
    # The payouts: to the last unit.
    escrow: uint256 = self.escrows[case]
    left: uint256 = escrow
    for payout: Payout in payouts:
        if payout.amount == 0 or payout.amount > left or payout.account == empty(address):
            raw_revert(abi_encode(payout.account, payout.amount, method_id=method_id("InvalidPayout(address,uint256)")))
        left -= payout.amount
    if left != 0:
        raw_revert(abi_encode(escrow - left, escrow, method_id=method_id("NotTheEscrow(uint256,uint256)")))
    update: bytes32 = self._update(opening.token, payouts, opening.state, result.stateAfter)
    receipt: bytes32 = self._receipt(case, opening.program, opening.policy, inputs, update, result)
    if Names.signer(receipt, receiptSignature) != signer:
        raw_revert(abi_encode(receipt, method_id=method_id("InvalidReceiptSignature(bytes32)")))
    self._checkToken(case, inputs, result.registration, opening.coordinator, token, tokenSignature)
    self.states[case] = SETTLED
    self.escrows[case] = 0
    self.heads[case] = self._settled(case, opening.program, opening.policy, inputs, update, result, token)
    log CaseClosed(case=case, inputs=inputs, count=self.counts[case])
    log CaseSettled(
        case=case, registration=result.registration, receipt=receipt, update=update, result=result, token=token
    )
    for payout: Payout in payouts:
        if self._pay(opening.token, payout.account, payout.amount):
            log PaidOut(case=case, account=payout.account, amount=payout.amount)


# @notice The custody chain's last five links: closing, registration, SSZ of token and receipt, root of the update.
@internal
@view
def _settled(
    case: bytes32,
    program: bytes32,
    policy: bytes32,
    inputs: bytes32,
    update: bytes32,
    result: Result,
    token: Token,
) -> bytes32:
    head: bytes32 = self._link(self.heads[case], LINK_CLOSED, self._closing(inputs, self.counts[case]))
    head = self._link(head, LINK_REGISTRATION, sha256(result.registration))
    leave: bytes32 = sha256(
        concat(
            b"\x01\x00",
            case,
            inputs,
            result.registration,
            slice(Merkle.number(convert(token.attempt, uint256)), 0, 8),
            slice(Merkle.number(convert(token.expires, uint256)), 0, 8),
        )
    )
    head = self._link(head, LINK_TOKEN, leave)
    receipt: bytes32 = sha256(
        concat(
            b"\x01\x00",
            result.registration,
            program,
            policy,
            case,
            inputs,
            update,
            result.replies,
            slice(Merkle.number(convert(result.sequence, uint256)), 0, 8),
            result.previous,
            slice(Merkle.number(convert(result.time, uint256)), 0, 8),
        )
    )
    head = self._link(head, LINK_RECEIPT, receipt)
    return self._link(head, LINK_SETTLED, sha256(update))


# @notice What an enclave signs.
@internal
@view
def _receipt(
    case: bytes32, program: bytes32, policy: bytes32, inputs: bytes32, update: bytes32, result: Result
) -> bytes32:
    return Names.digest(
        RECEIPT_TAG,
        Merkle.tree(
            [
                Merkle.VERSION,
                result.registration,
                program,
                policy,
                case,
                inputs,
                update,
                result.replies,
                Merkle.number(convert(result.sequence, uint256)),
                result.previous,
                Merkle.number(convert(result.time, uint256)),
            ],
            4,
        ),
    )


# @notice hash_tree_root(Update): payouts of one coin each, called by its address in lower case.
@internal
@view
def _update(token: address, payouts: DynArray[Payout, 256], before: bytes32, after: bytes32) -> bytes32:
    denom: bytes32 = Merkle.byte_list(self._text(token), 2)
    leaves: DynArray[bytes32, 256] = []
    for payout: Payout in payouts:
        account: bytes32 = Merkle.byte_list(Names.account(payout.account), 1)
        coin: bytes32 = Merkle.pair(denom, Merkle.number(payout.amount))
        # A list of one coin, with room for eight.
        for level: uint256 in range(3):
            coin = Merkle.pair(coin, Merkle.empty_root(level))
        leaves.append(Merkle.pair(account, Merkle.with_length(coin, 1)))
    list: bytes32 = Merkle.with_length(Merkle.tree(leaves, 8), len(payouts))
    return Merkle.pair(Merkle.pair(Merkle.VERSION, list), Merkle.pair(before, after))


# @notice 0x and 40 digits.
@internal
@pure
def _text(token: address) -> Bytes[42]:
    digits: Bytes[16] = b"0123456789abcdef"
    number: uint256 = convert(token, uint256)
    text: Bytes[42] = b"0x"
    for i: uint256 in range(40):
        digit: uint256 = (number >> (4 * (39 - i))) & 15
        text = convert(concat(slice(text, 0, 2 + i), slice(digits, digit, 1)), Bytes[42])
    return text


# @notice What a coordinator signs.
@internal
@view
def _token(case: bytes32, inputs: bytes32, registration: bytes32, token: Token) -> bytes32:
    return Names.digest(
        TOKEN_TAG,
        Merkle.tree(
            [
                Merkle.VERSION,
                case,
                inputs,
                registration,
                Merkle.number(convert(token.attempt, uint256)),
                Merkle.number(convert(token.expires, uint256)),
            ],
            3,
        ),
    )


@internal
@view
def _checkToken(
    case: bytes32,
    inputs: bytes32,
    registration: bytes32,
    coordinator: address,
    token: Token,
    signature: Bytes[65],
):
    if block.timestamp >= convert(token.expires, uint256):
        raw_revert(abi_encode(token.expires, method_id=method_id("TokenExpired(uint64)")))
    digest: bytes32 = self._token(case, inputs, registration, token)
    if Names.signer(digest, signature) != coordinator:
        raw_revert(abi_encode(digest, method_id=method_id("InvalidTokenSignature(bytes32)")))


# MARK: back

# @notice Gives submissions back after the end of a case that nobody settled; anyone may. Those that were given back are
#         passed over; one whose sender the token refuses waits for that sender's `claim`.
@external
@nonreentrant
def reclaim(case: bytes32, positions: DynArray[uint256, 64]):
    opening: Opening = self.openings[case]
    state: uint8 = self.states[case]
    if state != RECLAIMED:
        self._expect(case, OPEN)
        if block.timestamp < convert(opening.expires, uint256):
            raw_revert(abi_encode(case, opening.expires, method_id=method_id("NotExpired(bytes32,uint64)")))
        self.states[case] = RECLAIMED
        inputs: bytes32 = self._inputs(case)
        closing: bytes32 = self._closing(inputs, self.counts[case])
        closed: bytes32 = self._link(self.heads[case], LINK_CLOSED, closing)
        self.heads[case] = self._link(closed, LINK_RECLAIMED, closing)
        log CaseClosed(case=case, inputs=inputs, count=self.counts[case])
        log CaseReclaimed(case=case)
    for position: uint256 in positions:
        if position >= self.counts[case]:
            raw_revert(abi_encode(position, method_id=method_id("NoSubmission(uint256)")))
        stored: Stored = self.submissions[case][position]
        submission: Submission = self._read(stored)
        if submission.refunded:
            continue
        self.submissions[case][position].head = stored.head | REFUNDED
        self.escrows[case] -= submission.amount
        if submission.amount == 0 or self._pay(opening.token, submission.sender, submission.amount):
            log Refunded(case=case, sender=submission.sender, position=position, amount=submission.amount)


@internal
@pure
def _read(stored: Stored) -> Submission:
    return Submission(
        sender=convert(stored.head & (2**160 - 1), address),
        nonce=convert((stored.head >> 160) & (2**64 - 1), uint64),
        refunded=stored.head & REFUNDED != 0,
        amount=stored.amount,
    )


# @notice Pays; what the token refuses is kept for its owner, so that nobody holds others up.
@internal
def _pay(token: address, account: address, amount: uint256) -> bool:
    # 63/64 of what is left must cover the payment: who calls with too little gas settles nothing, rather than less.
    assert msg.gas > TRANSFER_GAS + TRANSFER_GAS // 32 + 30_000, "gas"
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        token,
        abi_encode(account, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        gas=TRANSFER_GAS,
        revert_on_failure=False,
    )
    # No answer is a yes, as with `default_return_value`.
    if success and (len(answer) == 0 or (len(answer) == 32 and convert(answer, uint256) == 1)):
        return True
    self.owed[token][account] += amount
    log PayoutKept(token=token, account=account, amount=amount)
    return False


# @notice Takes what a token refused to pay before, to another account of the owner's if it says so.
@external
@nonreentrant
def claim(token: address, receiver: address) -> uint256:
    amount: uint256 = self.owed[token][msg.sender]
    if amount == 0 or receiver == empty(address):
        raw_revert(abi_encode(msg.sender, method_id=method_id("NothingOwed(address)")))
    self.owed[token][msg.sender] = 0
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True)
    log Claimed(token=token, account=msg.sender, amount=amount)
    return amount


@internal
@view
def _expect(case: bytes32, state: uint8):
    if self.states[case] != state:
        raw_revert(abi_encode(case, self.states[case], method_id=method_id("WrongState(bytes32,uint8)")))


# MARK: views

@external
@view
def openingOf(case: bytes32) -> Opening:
    return self.openings[case]


@external
@view
def submissionAt(case: bytes32, position: uint256) -> Submission:
    return self._read(self.submissions[case][position])


# @notice The inputs root: what it is now, and after closing what it stays.
@external
@view
def inputsOf(case: bytes32) -> bytes32:
    return self._inputs(case)


# @notice The id of a case by its number.
@external
@view
def caseOf(number: uint64) -> bytes32:
    return self._case(number)


# @notice hash_tree_root(Update), for who prepares a settlement.
@external
@view
def updateOf(token: address, payouts: DynArray[Payout, 256], before: bytes32, after: bytes32) -> bytes32:
    return self._update(token, payouts, before, after)


# @notice What an enclave signs for such a receipt.
@external
@view
def receiptDigest(
    case: bytes32, program: bytes32, policy: bytes32, inputs: bytes32, update: bytes32, result: Result
) -> bytes32:
    return self._receipt(case, program, policy, inputs, update, result)


# @notice What the coordinator signs.
@external
@view
def tokenDigest(case: bytes32, inputs: bytes32, registration: bytes32, token: Token) -> bytes32:
    return self._token(case, inputs, registration, token)
