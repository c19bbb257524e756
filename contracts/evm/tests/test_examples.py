"""The examples do what their first lines say."""
from math import isqrt

import pytest
from hypothesis import given, settings, strategies as st

from conftest import EVMS, kept, need
from harness.chain import Reverted, reverts
from harness.contracts import Contract, artifact, hexa


class Market:
    """A pool of two tokens that two accounts own plenty of."""

    def __init__(self, chain):
        self.chain, self.user, self.friend = chain, chain.account(1), chain.account(2)
        self.tokens = [Contract.deploy(chain, artifact("TestToken"), f"Token {n}", f"T{n}", 6, sender=self.user)
                       for n in range(2)]
        self.pool = Contract.deploy(
            chain, artifact("Pool"), self.tokens[0].address, self.tokens[1].address, sender=self.user)
        for token in self.tokens:
            for owner in (self.user, self.friend):
                token.mint(owner, 10**24)
                token.approve(self.pool.address, 2**256 - 1, sender=owner)


@pytest.fixture(params=sorted(EVMS))
def market(request):
    need("Pool", "TestToken")
    return kept("market", request.param, Market)


@pytest.fixture(params=sorted(EVMS))
def evm_name(request):
    return request.param


def test_the_counter_counts(chain):
    need("Counter")
    counter = Contract.deploy(chain, artifact("Counter"), sender=chain.account(1))
    assert [counter.add(n).value for n in (5, 0, 7)] == [5, 5, 12]
    with reverts("unlucky"):
        counter.add(13)
    assert counter.read.count() == 12


def test_a_swap_pays_what_was_quoted_or_nothing(market):
    first, second = market.tokens
    market.pool.addLiquidity(10**12, 4 * 10**12)
    quote = market.pool.read.quote(first.address, 10**9)
    assert quote == 997 * 10**9 * 4 * 10**12 // (10**12 * 1000 + 997 * 10**9)
    with reverts("price"):
        market.pool.swap(first.address, 10**9, quote + 1, market.friend)
    assert market.pool.swap(first.address, 10**9, quote, market.friend).value == quote
    assert second.read.balanceOf(market.friend) == 10**24 + quote
    with reverts("token"):
        market.pool.swap(market.pool.address, 10**9, 0, market.friend)
    with pytest.raises(Reverted):
        market.pool.swap(first.address, 0, 0, market.friend)


moves = st.lists(st.tuples(
    st.sampled_from(["add", "remove", "swap"]), st.integers(0, 1), st.integers(1, 10**14), st.integers(1, 10**14)), max_size=15)


@settings(max_examples=12)
@given(moves)
def test_the_product_never_shrinks_and_nothing_is_lost(evm_name, history):
    need("Pool", "TestToken")
    market = kept("market-property", evm_name, Market)
    pool, tokens = market.pool, market.tokens
    owners = (market.user, market.friend)
    pool.addLiquidity(10**10, 3 * 10**10)
    reserves, shares, total = [10**10, 3 * 10**10], {market.user: isqrt(3 * 10**20), market.friend: 0}, isqrt(3 * 10**20)
    for kind, pick, a, b in history:
        owner = owners[pick]
        if kind == "swap":
            out = a * 997 * reserves[1 - pick] // (reserves[pick] * 1000 + a * 997)
            if out == 0:
                continue
            product = reserves[0] * reserves[1]
            assert pool.swap(tokens[pick].address, a, 0, owner, sender=owner).value == out
            reserves[pick] += a
            reserves[1 - pick] -= out
            assert reserves[0] * reserves[1] >= product
        elif kind == "add":
            minted = min(a * total // reserves[0], b * total // reserves[1])
            if minted == 0:
                continue
            paid = [-(-minted * r // total) for r in reserves]
            assert pool.addLiquidity(a, b, sender=owner).value == minted and paid[0] <= a and paid[1] <= b
            reserves = [r + p for r, p in zip(reserves, paid)]
            shares[owner] += minted
            total += minted
        else:
            burnt = min(a, shares[owner])
            if burnt == total:
                continue
            paid = [burnt * r // total for r in reserves]
            assert pool.removeLiquidity(burnt, sender=owner).value == tuple(paid)
            reserves = [r - p for r, p in zip(reserves, paid)]
            shares[owner] -= burnt
            total -= burnt
        assert [pool.read.reserve0(), pool.read.reserve1()] == reserves
        assert [t.read.balanceOf(pool.address) for t in tokens] == reserves


def test_nobody_takes_out_more_than_is_theirs(market):
    market.pool.addLiquidity(10**9, 10**9)
    for owner, amount in ((market.friend, 1), (market.user, 10**9 + 1)):
        with pytest.raises(Reverted):
            market.pool.removeLiquidity(amount, sender=owner)
