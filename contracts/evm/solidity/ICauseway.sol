// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// Interfaces of the contracts in contracts/evm, for those who write Solidity. Kept by hand; a test compares every selector
// with the contracts. Structures, selectors and events of the router are those of solidity-ibc-eureka where the meaning is
// the same. Sizes: a payload's value has at most 2,048 bytes in sendPacket, 4,096 in sendPayloads.

/// @notice One application's part of a packet.
struct Payload {
    string sourcePort;
    string destPort;
    string version;
    string encoding;
    bytes value;
}

/// @notice An IBC v2 packet. `timeoutTimestamp` is in seconds since 1970.
struct Packet {
    uint64 sequence;
    string sourceClient;
    string destClient;
    uint64 timeoutTimestamp;
    Payload[] payloads;
}

struct Height {
    uint64 revisionNumber;
    uint64 revisionHeight;
}

/// @notice The client of this chain at the counterparty, and the prefix of its paths: one empty element.
struct CounterpartyInfo {
    string clientId;
    bytes[] merklePrefix;
}

struct MsgSendPacket {
    string sourceClient;
    uint64 timeoutTimestamp;
    Payload payload;
}

struct MsgSendPayloads {
    string sourceClient;
    uint64 timeoutTimestamp;
    Payload[] payloads;
}

struct MsgRecvPacket {
    Packet packet;
    bytes proofCommitment;
    Height proofHeight;
}

struct MsgAckPacket {
    Packet packet;
    bytes acknowledgement;
    bytes proofAcked;
    Height proofHeight;
}

struct MsgAckPayloads {
    Packet packet;
    bytes[] acknowledgements;
    bytes proofAcked;
    Height proofHeight;
}

struct MsgTimeoutPacket {
    Packet packet;
    bytes proofTimeout;
    Height proofHeight;
}

/// @notice Sends, receives and ends packets. Everything but administration is open to everyone: what is received is what was
/// proven. `RouterExtension` holds a part of the code; all functions are called at the router's address.
interface IRouter {
    event SendPacket(string indexed clientId, uint256 indexed sequence, Packet packet);
    event WriteAcknowledgement(string indexed clientId, uint256 indexed sequence, Packet packet, bytes[] acknowledgements);
    event AckPacket(string indexed clientId, uint256 indexed sequence, Packet packet, bytes acknowledgement);
    event AckPayloads(string indexed clientId, uint256 indexed sequence, Packet packet, bytes[] acknowledgements);
    event TimeoutPacket(string indexed clientId, uint256 indexed sequence, Packet packet);
    /// @notice The packet was received, or had ended, before: nothing was done.
    event Noop();
    /// @notice An application failed; the packet beside it got the universal error acknowledgement.
    event IBCAppRecvPacketCallbackError(bytes reason);
    event ICS02ClientAdded(string clientId, CounterpartyInfo counterpartyInfo, address client);
    event ICS02ClientUpdated(string clientId, uint8 result);
    event ICS02ClientMigrated(string clientId, CounterpartyInfo counterpartyInfo, address client);
    event ICS02MisbehaviourSubmitted(string clientId);
    event IBCAppAdded(string portId, address app);
    event ClientPaused(string clientId, address by);
    event ClientUnpaused(string clientId, address by);

    /// @notice Sends a packet with one payload. The caller is the application of its source port.
    function sendPacket(MsgSendPacket calldata message) external returns (uint64 sequence);

    /// @notice Sends a packet with up to four payloads for anyone: each payload's application is told (`onSendPacket`) and may
    /// take what is sent.
    function sendPayloads(MsgSendPayloads calldata message) external returns (uint64 sequence);

    /// @notice Receives a packet with one payload, at most 2,048 bytes of value and proof.
    function recvPacket(MsgRecvPacket calldata message) external;

    /// @notice Receives a packet with up to four payloads: all are executed, or none.
    function recvPayloads(MsgRecvPacket calldata message) external;

    function ackPacket(MsgAckPacket calldata message) external;

    function ackPayloads(MsgAckPayloads calldata message) external;

    /// @notice Ends a packet that was not received in time, with one payload or more.
    function timeoutPacket(MsgTimeoutPacket calldata message) external;

    /// @return result 0 updated, 1 the client has just frozen, 2 nothing new
    function updateClient(string calldata clientId, bytes calldata updateMessage) external returns (uint8 result);

    /// @notice Makes calls to the router in one transaction. A call that fails reverts with its reason.
    function multicall(bytes[] calldata calls) external returns (bytes[] memory results);

    /// @notice As `multicall`; a call that fails reverts with `CallFailed(index, reason)`.
    function relay(bytes[] calldata calls) external;

    /// @notice Adds a light client under the next identifier `client-N`. Anyone may.
    function addClient(CounterpartyInfo calldata counterparty, address client) external returns (string memory clientId);

    /// @notice From the owner: adds a light client under a name.
    function addClient(string calldata clientId, CounterpartyInfo calldata counterparty, address client) external;

    /// @notice From the owner: replaces a client, which is a change of policy.
    function migrateClient(string calldata clientId, CounterpartyInfo calldata counterparty, address client) external;

    function submitMisbehaviour(string calldata clientId, bytes calldata misbehaviour) external;

    /// @notice Registers an application under the lower-case text of its address. Anyone may.
    function addIBCApp(address app) external;

    /// @notice From the owner: registers an application under a name.
    function addIBCApp(string calldata port, address app) external;

    /// @notice From guardian or owner: nothing passes over this client any more, at once.
    function pauseClient(string calldata clientId) external;

    /// @notice From the owner.
    function unpauseClient(string calldata clientId) external;

    /// @param hashedPath keccak256(client id ‖ 1 commitment, 2 receipt or 3 acknowledgement ‖ sequence as 8 bytes)
    function getCommitment(bytes32 hashedPath) external view returns (bytes32);

    function getClient(string calldata clientId) external view returns (address);

    function getCounterparty(string calldata clientId) external view returns (CounterpartyInfo memory);

    function getIBCApp(string calldata port) external view returns (address);

    function getNextClientSeq() external view returns (uint256);

    function getNextSequenceSend(string calldata clientId) external view returns (uint64);

    function isPaused(string calldata clientId) external view returns (bool);

    function owner() external view returns (address);

    function pendingOwner() external view returns (address);

    function guardian() external view returns (address);

    function transferOwnership(address newOwner) external;

    function acceptOwnership() external;

    function setGuardian(address guardian) external;
}

struct MsgVerifyMembership {
    bytes proof;
    Height proofHeight;
    bytes[] path;
    bytes value;
}

struct MsgVerifyNonMembership {
    bytes proof;
    Height proofHeight;
    bytes[] path;
}

/// @notice What the router asks of a light client.
interface ILightClient {
    function updateClient(bytes calldata updateMessage) external returns (uint8 result);

    /// @return timestamp seconds since 1970 at the proven height
    function verifyMembership(MsgVerifyMembership calldata message) external returns (uint256 timestamp);

    function verifyNonMembership(MsgVerifyNonMembership calldata message) external returns (uint256 timestamp);

    function misbehaviour(bytes calldata message) external;

    function getClientState() external view returns (bytes memory);
}

/// @notice What clients of ours say of themselves beside that.
interface ICausewayClient is ILightClient {
    function latest() external view returns (uint64 revision, uint64 height, uint64 timestamp);

    /// @return 0 active, 1 expired, 2 frozen
    function status() external view returns (uint8);

    /// @return the policy that the client enforces, as canonical JSON
    function policy() external view returns (bytes memory);
}

struct OnRecvPacketCallback {
    string sourceClient;
    string destinationClient;
    uint64 sequence;
    Payload payload;
    address relayer;
}

struct OnAcknowledgementPacketCallback {
    string sourceClient;
    string destinationClient;
    uint64 sequence;
    Payload payload;
    bytes acknowledgement;
    address relayer;
}

struct OnTimeoutPacketCallback {
    string sourceClient;
    string destinationClient;
    uint64 sequence;
    Payload payload;
    address relayer;
}

struct OnSendPacketCallback {
    string sourceClient;
    string destinationClient;
    uint64 sequence;
    Payload payload;
    address sender;
}

/// @notice An application of the router, which alone may call these. (The execution handler answers them in its fallback.)
interface IIBCApp {
    /// @notice A revert with data becomes the universal error acknowledgement; a revert without data, or with `NotNow(bytes)`,
    /// undoes the receive, and the packet stays open.
    function onRecvPacket(OnRecvPacketCallback calldata message) external returns (bytes memory acknowledgement);

    function onAcknowledgementPacket(OnAcknowledgementPacketCallback calldata message) external;

    function onTimeoutPacket(OnTimeoutPacketCallback calldata message) external;
}

/// @notice What an application needs beside that to take part in `sendPayloads`.
interface IIBCSender {
    function onSendPacket(OnSendPacketCallback calldata message) external;
}

/// @notice An amount of a token of the destination: its denomination, lower-case 0x address or ICS-20 path there.
struct Coin {
    string denom;
    uint256 amount;
}

/// @notice One call at the destination. `target` is an ERC-7930 address with an account.
struct Call {
    bytes target;
    Coin[] funds;
    uint64 gasLimit;
    bytes input;
}

/// @notice Calls to other domains, and from them: up to 16 in a packet, all or none (docs/spec/envelope.md section 4).
interface IExecutionHandler {
    event AccountCreated(address indexed account, string client, bytes owner);
    /// @notice A crossing that began here has ended: 0 executed, 1 failed there, 2 timed out.
    event Settled(address indexed sender, uint64 sequence, uint8 status);
    event CallbackFailed(bytes32 indexed crossing, address indexed sender, bytes reason);

    error InvalidEnvelope(uint256 reason);
    error NoContract(address target);
    error CallReverted(uint256 index, bytes reason);
    error ResultTooLong(uint256 index);
    error FundsRefused(address token, uint256 amount);
    error Unauthorized(address caller);

    /// @notice One call without funds; `input` has at most 1,792 bytes.
    function sendCall(string calldata client, uint64 timeout, bytes calldata target, uint64 gasLimit, bytes calldata input)
        external
        returns (uint64 sequence);

    /// @notice Up to 8 calls with up to 4 coins and 1,024 bytes of input each, 2,048 bytes of SSZ together.
    function sendCalls(string calldata client, uint64 timeout, Call[] calldata calls) external returns (uint64 sequence);

    /// @notice An SSZ `ExecutionEnvelope` of at most 4,096 bytes, whose `refundTo` is the caller.
    function sendEnvelope(string calldata client, uint64 timeout, bytes calldata envelope) external returns (uint64 sequence);

    /// @notice The account through which `owner`, an ERC-7930 address of the domain behind `client`, acts on this chain. Known
    /// before it exists.
    function accountOf(string calldata client, bytes calldata owner) external view returns (address);

    function createAccount(string calldata client, bytes calldata owner) external returns (address);

    /// @notice The name of a crossing that was sent from here.
    function crossingOf(string calldata client, uint64 sequence) external view returns (bytes32);

    function order() external view returns (uint256);

    function ROUTER() external view returns (address);

    function TRANSFER() external view returns (address);

    function ACCOUNT_BLUEPRINT() external view returns (address);

    function ACCOUNT_INITCODE_HASH() external view returns (bytes32);
}

/// @notice What a contract that sends calls may implement to hear how they ended. At most 300,000 gas; a failure changes
/// nothing. Check that the caller is the handler.
interface ISettlementReceiver {
    /// @param status 0 executed, with the SSZ `Outcome`; 1 failed at the destination; 2 timed out
    function onSettled(
        bytes32 crossing,
        string calldata client,
        uint64 sequence,
        uint8 status,
        bytes calldata outcome
    ) external;
}

struct SendTransferMsg {
    address denom;
    uint256 amount;
    string receiver;
    string sourceClient;
    string destPort;
    uint64 timeoutTimestamp;
    string memo;
}

/// @notice Tokens to and from other domains: ICS-20 v2. The caller has approved this contract.
interface ITransfer {
    event TransferSent(
        address indexed token, address indexed sender, string client, uint64 sequence, uint256 amount, string denom
    );
    event TransferReceived(
        address indexed token, address indexed receiver, string client, uint64 sequence, uint256 amount, string denom
    );
    event TransferRefunded(
        address indexed token, address indexed sender, string client, uint64 sequence, uint256 amount, bool paid
    );
    event RefundClaimed(address indexed token, address indexed owner, address indexed receiver, uint256 amount);
    event VoucherCreated(address indexed token, string path);
    event CapSet(string client, address indexed token, uint256 perMessage, uint256 perWindow, uint256 window);
    event BlockedSet(address indexed account, bool blocked);

    error InvalidTransfer(uint256 reason);
    error TransferRefused(address token, bytes reason);
    error InsufficientEscrow(address token, uint256 held, uint256 wanted);
    error OverCap(string client, address token, uint256 amount, uint256 limit);
    error NotNow(bytes reason);
    error ICS20InvalidAddress(string receiver);
    error ICS20InvalidAmount(uint256 amount);
    error ICS20InvalidPort(string expected, string port);
    error ICS20UnexpectedVersion(string expected, string version);
    error ICS20UnexpectedEncoding(string expected, string encoding);
    error ICS20DenomNotFound(string denom);

    /// @notice Sends tokens; what the token keeps for itself is not sent. `destPort` is "transfer".
    function sendTransfer(SendTransferMsg calldata message) external returns (uint64 sequence);

    /// @notice The same; `refundTo` gets the tokens back when the transfer fails or comes too late.
    function sendTransferFor(SendTransferMsg calldata message, address refundTo) external returns (uint64 sequence);

    /// @notice Pays what a refund to the caller could not pay.
    function claim(address token, address receiver) external returns (uint256 amount);

    /// @return the voucher of a path such as `transfer/client-0/stake`; zero while there is none
    function voucherOf(string calldata path) external view returns (address);

    function pathOf(address token) external view returns (string memory);

    function escrowed(string calldata client, address token) external view returns (uint256);

    function owed(address owner, address token) external view returns (uint256);

    function blocked(address account) external view returns (bool);

    function capOf(string calldata client, address token)
        external
        view
        returns (uint256 perMessage, uint256 perWindow, uint256 window, uint256 sent, uint256 received);

    /// @notice From the owner; the guardian may only tighten.
    function setCap(string calldata client, address token, uint256 perMessage, uint256 perWindow, uint256 window) external;

    function setBlocked(address account, bool isBlocked) external;

    function ROUTER() external view returns (address);

    function VOUCHER() external view returns (address);
}

/// @notice ERC-7786, both ends.
interface IGateway7786 {
    event MessageSent(
        bytes32 indexed sendId, bytes sender, bytes recipient, bytes payload, uint256 value, bytes[] attributes
    );
    event MessageRouted(address indexed sender, string client, uint64 sequence);
    event MessageSettled(string client, uint64 sequence, uint8 status);
    event MessageDelivered(bytes32 indexed receiveId, address indexed recipient, bytes sender);

    error UnsupportedAttribute(bytes4 selector);

    function supportsAttribute(bytes4 selector) external view returns (bool);

    /// @param recipient ERC-7930, with an account
    /// @param attributes `timeout(uint256)` and `minGasLimit(uint256)`, each a selector and its argument
    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 sendId);

    /// @notice From the execution account of `sender`: hands its message to a contract of this chain.
    function deliver(string calldata client, bytes calldata sender, bytes calldata recipient, bytes calldata payload)
        external
        returns (bytes32 receiveId);

    function setRoute(bytes calldata chain, string calldata client, string calldata port) external;

    function route(bytes calldata chain) external view returns (string memory client, string memory port);
}

/// @notice What a gateway calls: answer 0x2432ef26, the function's selector.
interface IERC7786Recipient {
    function receiveMessage(bytes32 receiveId, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4);
}

/// @notice Keys of enclaves that registrars vouch for (docs/spec/settlement-evm.md).
interface IEnclaveRegistry {
    struct Keys {
        bytes operator;
        bytes32 program;
        bytes32 policy;
        address signer;
        uint16 sealingSuite;
        bytes sealingKey;
        uint64 sequence;
        uint64 anchorHeight;
        bytes32 anchorHash;
        uint64 issued;
        uint64 expires;
    }

    struct Finding {
        bytes reportData;
        bytes32 evidence;
        bytes32 policy;
        uint64 until;
    }

    struct Registration {
        address signer;
        uint64 until;
        uint8 state;
        bytes32 program;
        bytes32 policy;
        bytes32 attestationPolicy;
    }

    event EnclaveRegistered(
        bytes32 indexed registration,
        bytes32 indexed operator,
        address indexed signer,
        bytes32 program,
        bytes32 policy,
        uint16 sealingSuite,
        bytes sealingKey,
        uint64 sequence,
        bytes reportData,
        bytes32 evidence,
        bytes32 attestationPolicy,
        uint64 until
    );
    event EnclaveInvalidated(bytes32 indexed registration, bytes32 reason);
    event EnclaveRemoved(bytes32 indexed registration);

    error InvalidKeys();
    error InvalidTimes(uint64 until, uint64 expires);
    error UnknownAnchor(uint64 height);
    error OldSequence(uint64 sequence, uint64 newest);
    error InvalidSignatures();
    error ThresholdNotMet(uint256 count, uint256 needed);
    error SignerOutOfOrder(uint256 position);
    error InvalidSignature(uint256 position);
    error NotRegistered(bytes32 registration);
    error NotExpired(bytes32 registration, uint64 until);

    /// @param signatures each u8 position of the registrar, r, s, v: 66 bytes, positions ascending
    function register(Keys calldata keys, Finding calldata finding, bytes calldata signatures)
        external
        returns (bytes32 registration);

    function invalidate(bytes32 registration, bytes32 reason, bytes calldata signatures) external;

    function remove(bytes32 registration) external;

    /// @notice Zeros for a registration that is unknown, invalidated or expired.
    function live(bytes32 registration)
        external
        view
        returns (address signer, bytes32 program, bytes32 policy, bytes32 attestationPolicy);

    function registrationAt(bytes32 registration) external view returns (Registration memory);

    function registrationOf(Keys calldata keys) external view returns (bytes32);

    function findingDigest(bytes32 registration, Finding calldata finding) external view returns (bytes32);

    function invalidationDigest(bytes32 registration, bytes32 reason) external view returns (bytes32);

    /// @param operator SHA-256 of its ERC-7930 address
    function sequences(bytes32 operator) external view returns (uint64);

    function registrars() external view returns (address[] memory);

    function QUORUM() external view returns (uint256);

    function INVALIDATION_QUORUM() external view returns (uint256);
}

/// @notice Cases that an enclave decides, with an ERC-20 in escrow (docs/spec/settlement-evm.md).
interface IEnclaveSettlement {
    struct Opening {
        address token;
        bytes32 program;
        bytes32 policy;
        bytes32 attestationPolicy;
        address coordinator;
        uint64 closes;
        uint64 expires;
        uint16 maximumInputs;
        uint256 least;
        bytes32 state;
    }

    struct Submission {
        address sender;
        uint64 nonce;
        bool refunded;
        uint256 amount;
    }

    struct Payout {
        address account;
        uint256 amount;
    }

    struct Result {
        bytes32 registration;
        bytes32 stateAfter;
        bytes32 replies;
        uint64 sequence;
        bytes32 previous;
        uint64 time;
    }

    struct Token {
        uint64 attempt;
        uint64 expires;
    }

    event CaseOpened(bytes32 indexed case_, address indexed opener, uint64 number, Opening opening);
    event InputSubmitted(
        bytes32 indexed case_, address indexed sender, uint256 position, uint64 nonce, bytes32 commitment, uint256 amount
    );
    event CaseClosed(bytes32 indexed case_, bytes32 inputs, uint256 count);
    event CaseSettled(
        bytes32 indexed case_,
        bytes32 indexed registration,
        bytes32 receipt,
        bytes32 update,
        Result result,
        Token token
    );
    event PaidOut(bytes32 indexed case_, address indexed account, uint256 amount);
    event PayoutKept(address indexed token, address indexed account, uint256 amount);
    event Claimed(address indexed token, address indexed account, uint256 amount);
    event CaseReclaimed(bytes32 indexed case_);
    event Refunded(bytes32 indexed case_, address indexed sender, uint256 position, uint256 amount);

    error WrongState(bytes32 case_, uint8 state);
    error Closed(bytes32 case_, uint64 closes);
    error NotClosed(bytes32 case_, uint64 closes);
    error Expired(bytes32 case_, uint64 expires);
    error NotExpired(bytes32 case_, uint64 expires);
    error Full(bytes32 case_, uint16 maximumInputs);
    error NonceUsed(address sender, uint64 nonce);
    error TooLittle(uint256 amount, uint256 least);
    error NotPaid(uint256 came, uint256 amount);
    error NotLive(bytes32 registration);
    error OtherProgram(bytes32 registration);
    error InvalidReceipt(uint64 sequence, uint64 time);
    error InvalidPayout(address account, uint256 amount);
    error NotTheEscrow(uint256 sum, uint256 escrow);
    error InvalidReceiptSignature(bytes32 digest);
    error TokenExpired(uint64 expires);
    error InvalidTokenSignature(bytes32 digest);
    error NoSubmission(uint256 position);
    error NothingOwed(address account);

    function open(Opening calldata opening) external returns (bytes32 case_);

    /// @notice Takes `amount` by `transferFrom`: allow it before.
    function submit(bytes32 case_, bytes32 commitment, uint64 nonce, uint256 amount) external returns (uint256 position);

    /// @param receiptSignature r, s, v of the enclave's key over `receiptDigest`
    /// @param tokenSignature r, s, v of the coordinator's over `tokenDigest`
    function settle(
        bytes32 case_,
        Result calldata result,
        Payout[] calldata payouts,
        bytes calldata receiptSignature,
        Token calldata token,
        bytes calldata tokenSignature
    ) external;

    /// @param positions at most 64 submissions to give back
    function reclaim(bytes32 case_, uint256[] calldata positions) external;

    function claim(address token, address receiver) external returns (uint256 amount);

    function openingOf(bytes32 case_) external view returns (Opening memory);

    function submissionAt(bytes32 case_, uint256 position) external view returns (Submission memory);

    function inputsOf(bytes32 case_) external view returns (bytes32);

    function caseOf(uint64 number) external view returns (bytes32);

    function updateOf(address token, Payout[] calldata payouts, bytes32 before_, bytes32 after_)
        external
        view
        returns (bytes32);

    function receiptDigest(
        bytes32 case_, bytes32 program, bytes32 policy, bytes32 inputs, bytes32 update, Result calldata result
    ) external view returns (bytes32);

    function tokenDigest(bytes32 case_, bytes32 inputs, bytes32 registration, Token calldata token)
        external
        view
        returns (bytes32);

    function counter() external view returns (uint64);

    /// @notice 0 unknown, 1 open, 2 settled, 3 reclaimed.
    function states(bytes32 case_) external view returns (uint8);

    function counts(bytes32 case_) external view returns (uint256);

    function escrows(bytes32 case_) external view returns (uint256);

    /// @notice Head of the case's custody chain.
    function heads(bytes32 case_) external view returns (bytes32);

    function owed(address token, address account) external view returns (uint256);

    function REGISTRY() external view returns (address);
}
