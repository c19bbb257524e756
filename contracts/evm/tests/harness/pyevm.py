"""py-evm with Prague rules, its state in memory; the state root is real, so storage can be proven from it."""
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from trie import HexaryTrie
import rlp

from oracle.hashes import K, u

from .chain import CHAIN_ID, START, Chain, Log, Receipt

COINBASE = K(b"coinbase")[12:]


class _Transaction:
    """What py-evm reads of a transaction that somebody has signed."""

    type_id, access_list, blob_versioned_hashes, authorization_list = 2, [], [], []
    max_fee_per_gas = gas_price = max_priority_fee_per_gas = 0
    nonce = r = s = y_parity = 0

    def __init__(self, sender, to, data, value, gas):
        self.sender, self.to, self.data, self.value, self.gas = sender, to, data, value, gas
        zeros = data.count(0)
        create = 32_000 + 2 * ((len(data) + 31) // 32) if to == b"" else 0
        self.intrinsic_gas = 21_000 + 4 * zeros + 16 * (len(data) - zeros) + create
        self.floor_gas = 21_000 + 10 * zeros + 40 * (len(data) - zeros)


class _Chain(MiningChain):
    vm_configuration = ((0, PragueVM),)
    chain_id = CHAIN_ID


class PyEVM(Chain):
    name = "py-evm"
    has_state_proofs = True

    def __init__(self):
        super().__init__()
        chain = _Chain.from_genesis(AtomicDB(), {
            "coinbase": COINBASE, "difficulty": 0, "extra_data": b"", "gas_limit": 100_000_000, "mix_hash": bytes(32),
            "nonce": bytes(8), "receipt_root": BLANK_ROOT_HASH, "timestamp": START, "transaction_root": BLANK_ROOT_HASH,
        }, {})
        self.db = chain.chaindb.db
        self.state = chain.get_vm().state
        self.nonces = {}

    def fund(self, address, amount):
        self.state.set_balance(address, amount)

    def place(self, address, runtime):
        self.state.set_code(address, runtime)
        self.state.set_nonce(address, 1)

    def balance(self, address) -> int:
        return self.state.get_balance(address)

    def code(self, address) -> bytes:
        return self.state.get_code(address)

    def storage(self, address, slot: int) -> int:
        return self.state.get_storage(address, slot)

    def _run(self, sender, to, data, value, gas):
        transaction = _Transaction(sender, to, data, value, gas)
        if max(transaction.intrinsic_gas, transaction.floor_gas) > gas:
            return Receipt(False, b"", gas, (), len(data))
        context = self.state.execution_context
        context._timestamp, context._block_number = self.timestamp, self.number
        context._base_fee_per_gas = 0
        # Blocks of this chain have no headers; their hashes are those that revm gives without any.
        context._prev_hashes = tuple(K(str(n).encode()) for n in range(self.number - 1, max(-1, self.number - 257), -1))
        executor = self.state.get_transaction_executor()
        before = self.state.get_nonce(sender)
        message = executor.build_evm_message(transaction)
        computation = executor.build_computation(message, transaction)
        left = computation.get_gas_remaining()
        refund = executor.calculate_gas_refund(computation, gas - left)
        executor.finalize_computation(transaction, computation)
        self.state.clear_transient_storage()
        if to != b"":
            self.state.set_nonce(sender, before)
        used = gas - left - refund + computation.data_floor_gas
        logs = () if computation.is_error else tuple(
            Log(address, tuple(u(32, t) for t in topics), data) for address, topics, data in computation.get_log_entries())
        erased = computation.is_error and computation.should_erase_return_data
        output = b"" if erased else computation.output
        created = message.storage_address if to == b"" else b""
        return Receipt(not computation.is_error, output, used, logs, len(data), created)

    def attempt(self, sender, to, data, value=0, gas=0) -> Receipt:
        # What a slot held before the transaction, which its price depends on, is what it holds now.
        self.state.lock_changes()
        return self._run(sender, to, data, value, gas)

    def call(self, sender, to, data, value=0, gas=30_000_000) -> Receipt:
        self.state.lock_changes()
        mark = self.state.snapshot()
        try:
            return self._run(sender, to, data, value, gas)
        finally:
            self.state.revert(mark)

    def deploy(self, sender, code, value=0, gas=30_000_000) -> Receipt:
        return self.transact(sender, b"", code, value, gas)

    def root(self) -> bytes:
        """The state root after the last transaction."""
        self.state.lock_changes()
        root = self.state.make_state_root()
        self.state.persist()
        return root

    def snapshot(self):
        return self.root(), self.timestamp, self.number

    def restore(self, kept):
        root, self.timestamp, self.number = kept
        self.state._account_db = self.state.account_db_class(self.db, root)

    def prove(self, address: bytes, slot: int):
        """(state root, account nodes, storage nodes), as eth_getProof gives them."""
        root = self.root()
        trie = HexaryTrie(self.db, root)
        account_nodes = _nodes(trie, K(address))
        account = rlp.decode(trie.get(K(address)))
        return root, account_nodes, _nodes(HexaryTrie(self.db, account[2]), K(u(32, slot)))


def _nodes(trie, key):
    nodes = [rlp.encode(node) for node in trie.get_proof(key)]
    return [n for i, n in enumerate(nodes) if n != b"\x80" and (i == 0 or len(n) >= 32)]
