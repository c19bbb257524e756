"""revm through pyrevm: a second EVM, written by others in another language. It has no trie, so no state proofs.

Transactions are kept and run again to go back: its own checkpoints do not survive transactions that fail.
Storage stays warm from one call to the next here, so gas is measured on the other EVM.
"""
import re

from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env

from .chain import CHAIN_ID, START, Chain, Log, Receipt


def _text(address: bytes) -> str:
    return "0x" + address.hex()


class Revm(Chain):
    name = "revm"

    def __init__(self):
        super().__init__()
        self.history = []
        self._fresh()

    def _fresh(self):
        block = BlockEnv(number=1, timestamp=START, gas_limit=100_000_000, basefee=0, prevrandao=bytes(32))
        self.evm = EVM(env=Env(cfg=CfgEnv(chain_id=CHAIN_ID), block=block), gas_limit=2**63, spec_id="PRAGUE")

    def _block(self):
        self.evm.set_block_env(BlockEnv(
            number=self.number, timestamp=self.timestamp, gas_limit=100_000_000, basefee=0, prevrandao=bytes(32)))

    def fund(self, address, amount):
        self.history.append((None, address, amount))
        self.evm.set_balance(_text(address), amount)

    def place(self, address, runtime):
        self.evm.insert_account_info(_text(address), AccountInfo(nonce=1, code=runtime))

    def balance(self, address) -> int:
        return self.evm.get_balance(_text(address))

    def code(self, address) -> bytes:
        # Reading an account's code through `basic` gives it with its padding.
        code = self.evm.get_code(_text(address))
        return bytes(code) if code else b""

    def storage(self, address, slot: int) -> int:
        return self.evm.storage(_text(address), slot)

    def _run(self, sender, to, data, value, gas) -> Receipt:
        self._block()
        created, output, ok = b"", b"", True
        try:
            if to == b"":
                created = bytes.fromhex(self.evm.deploy(_text(sender), data, value=value, gas=gas)[2:])
            else:
                output = bytes(self.evm.message_call(
                    _text(sender), _text(to), calldata=data, value=value, gas=gas))
        except RuntimeError as error:
            ok = False
            found = re.search(r"output: (0x[0-9a-f]*)", str(error))
            output = bytes.fromhex(found.group(1)[2:]) if found else b""
        finally:
            self.evm.reset_transient_storage()
        result = self.evm.result
        used = result.gas_used if result else gas
        logs = tuple(
            Log(bytes.fromhex(log.address[2:]), tuple(bytes(t) for t in log.data[0]), bytes(log.data[1]))
            for log in result.logs) if ok else ()
        return Receipt(ok, output, used, logs, len(data), created)

    def attempt(self, sender, to, data, value=0, gas=0) -> Receipt:
        self.history.append((sender, to, data, value, gas, self.timestamp, self.number))
        return self._run(sender, to, data, value, gas)

    def call(self, sender, to, data, value=0, gas=30_000_000) -> Receipt:
        mark = self.evm.snapshot()
        try:
            return self._run(sender, to, data, value, gas)
        finally:
            self.evm.revert(mark)

    def deploy(self, sender, code, value=0, gas=30_000_000) -> Receipt:
        return self.transact(sender, b"", code, value, gas)

    def snapshot(self):
        return len(self.history), self.timestamp, self.number

    def restore(self, kept):
        count, timestamp, number = kept
        history, self.history = self.history[:count], self.history[:count]
        self._fresh()
        for entry in history:
            if entry[0] is None:
                self.evm.set_balance(_text(entry[1]), entry[2])
            else:
                *call, self.timestamp, self.number = entry
                self._run(*call)
        self.timestamp, self.number = timestamp, number
