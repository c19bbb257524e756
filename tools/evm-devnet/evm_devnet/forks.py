"""The rules that blocks are made by, and the state of genesis."""

from __future__ import annotations

from typing import Any

from eth.constants import BLANK_ROOT_HASH
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.prague.constants import HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CONTRACT_CODE
from eth.vm.forks.prague.state import PragueState

REFUND_QUOTIENT = 5
ELASTICITY = 2
BASE_FEE_CHANGE_DENOMINATOR = 8
BASE_FEE_INITIAL = 1_000_000_000


class _Rules:
    """What both forks do differently from py-evm's own classes."""

    chaindb: Any
    _initial_header: Any

    @property
    def previous_hashes(self) -> Any:
        # For BLOCKHASH: of the branch that the block is on, from our own store instead of py-evm's chain database.
        return self.chaindb.ancestor_hashes(self._initial_header.parent_hash)

    @classmethod
    def finalize_gas_used(cls, transaction: Any, computation: Any) -> int:
        # EIP-7623: the refund is bounded by what execution used, and only then comes the floor. py-evm 0.12 bounds it by
        # the sum of both, so that a receipt could say less than was paid.
        used = transaction.gas - computation.get_gas_remaining()
        return used - min(computation.get_gas_refund(), used // REFUND_QUOTIENT) + computation.data_floor_gas


class _CancunState(CancunState):
    def set_system_contracts(self) -> None:
        # Genesis has them; py-evm would look for them in the trie whenever a state is opened.
        pass


class _PragueState(PragueState):
    def set_system_contracts(self) -> None:
        pass


class Cancun(_Rules, CancunVM):
    _state_class = _CancunState
    header_class = CancunBlockHeader
    contracts: dict[bytes, bytes] = {}


class Prague(_Rules, PragueVM):
    _state_class = _PragueState
    header_class = PragueBlockHeader
    # EIP-2935. There is no beacon chain here, and so no contract of EIP-4788 either.
    contracts: dict[bytes, bytes] = {HISTORY_STORAGE_ADDRESS: HISTORY_STORAGE_CONTRACT_CODE}


FORKS: dict[str, Any] = {"cancun": Cancun, "prague": Prague}


def next_base_fee(parent: Any) -> int:
    """EIP-1559: the base fee of a block on `parent`."""
    target = parent.gas_limit // ELASTICITY
    fee = parent.base_fee_per_gas
    if parent.gas_used == target:
        return fee
    if parent.gas_used > target:
        return fee + max(fee * (parent.gas_used - target) // target // BASE_FEE_CHANGE_DENOMINATOR, 1)
    return fee - fee * (target - parent.gas_used) // target // BASE_FEE_CHANGE_DENOMINATOR


def genesis(
    fork: Any, nodes: Any, timestamp: int, gas_limit: int, base_fee: int, balances: dict[bytes, int]
) -> Any:
    """The first header, after its state is in `nodes`: balances, and the system contracts of the fork."""
    accounts = fork.get_state_class().account_db_class(nodes, BLANK_ROOT_HASH)
    for address, balance in sorted(balances.items()):
        accounts.set_balance(address, balance)
    for address, code in fork.contracts.items():
        accounts.set_code(address, code)
        accounts.set_nonce(address, 1)
    accounts.persist()
    return fork.header_class(
        difficulty=0,
        block_number=0,
        gas_limit=gas_limit,
        timestamp=timestamp,
        state_root=accounts.state_root,
        nonce=bytes(8),
        base_fee_per_gas=base_fee,
        extra_data=b"causeway devnet",
    )
