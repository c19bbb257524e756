#!/usr/bin/env python3
"""Makes Tests/Vectors/contracts/pool.json: what a constant-product pool does, step by step, in exact integers.

Written from the rules alone: a fee of n/10000 of what comes in, rounded up; output rounded down; shares by the smaller
part, deposits rounded up, withdrawals down; 1000 shares of nobody. Python's integers have no size, so nothing here
can overflow; where a step would need more than 128 bits in a reserve, it is expected to be refused.
"""
import json, math, pathlib, random

LIMIT = 1 << 128


def scenario(name, seed, fee, first, sizes, steps):
    rng = random.Random(seed)
    x, y = first
    shares = math.isqrt(x * y)
    owned = {"alice": shares - 1000, "bob": 0}
    log = [{"do": "add", "who": "alice", "amounts": [str(x), str(y)], "shares": str(shares - 1000), "used": [str(x), str(y)]}]
    while len(log) < steps:
        kind = rng.choices(["swap", "add", "remove"], [6, 2, 2])[0]
        who = rng.choice(["alice", "bob"])
        if kind == "swap":
            side = rng.randrange(2)
            amount = rng.randrange(1, rng.choice(sizes))
            reserve, other = (x, y) if side == 0 else (y, x)
            taken = -(-amount * fee // 10_000)
            net = amount - taken
            out = other * net // (reserve + net)
            step = {"do": "swap", "who": who, "side": side, "amount": str(amount)}
            if out == 0 or reserve + amount >= LIMIT:
                step["error"] = "nothing would come out" if out == 0 else "overflow in addition"
                log.append(step)
                continue
            before = x * y
            if side == 0:
                x, y = x + amount, y - out
            else:
                x, y = x - out, y + amount
            assert x * y >= before and x > 0 and y > 0
            step |= {"out": str(out), "fee": str(taken)}
        elif kind == "add":
            a, b = rng.randrange(1, rng.choice(sizes)), rng.randrange(1, rng.choice(sizes))
            minted = min(shares * a // x, shares * b // y)
            step = {"do": "add", "who": who, "amounts": [str(a), str(b)]}
            if minted == 0:
                step["error"] = "0 would come out, less than 1"
                log.append(step)
                continue
            used = [-(-x * minted // shares), -(-y * minted // shares)]
            assert used[0] <= a and used[1] <= b
            if max(x + used[0], y + used[1], shares + minted) >= LIMIT:
                continue
            x, y, shares = x + used[0], y + used[1], shares + minted
            owned[who] += minted
            step |= {"shares": str(minted), "used": [str(v) for v in used]}
        else:
            if owned[who] == 0:
                log.append({"do": "remove", "who": who, "shares": "1", "error": "not so many shares"})
                continue
            count = rng.randrange(1, owned[who] + 1)
            out = [x * count // shares, y * count // shares]
            x, y, shares = x - out[0], y - out[1], shares - count
            owned[who] -= count
            step = {"do": "remove", "who": who, "shares": str(count), "used": [str(v) for v in out]}
        step["reserves"] = [str(x), str(y)]
        step["total"] = str(shares)
        log.append(step)
    log[0]["reserves"], log[0]["total"] = [str(first[0]), str(first[1])], str(math.isqrt(first[0] * first[1]))
    return {"name": name, "fee": fee, "steps": log}


cases = [
    scenario("everyday", 1, 30, (1_000_000, 4_000_000), [10, 1_000, 100_000, 10_000_000], 120),
    scenario("no fee", 2, 0, (5_000, 5_000), [3, 100, 10_000], 80),
    scenario("highest fee, lopsided", 3, 1000, (2_000_000_000_000, 7), [10, 1_000_000_000_000], 80),
    scenario("near 2^128", 4, 30, (1 << 126, 1 << 125), [1 << 20, 1 << 100, 1 << 126], 60),
    scenario("one against many", 5, 25, (1_001, 10**30), [5, 1_000, 10**29], 80),
]
text = json.dumps(
    {
        "schema": "contracts/pool/v1",
        "source": "tools/vectors/contracts_pool.py: exact integers of Python, written from the rules",
        "cases": cases,
    },
    indent=1,
)
target = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/contracts/pool.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(text + "\n")
print(target, sum(len(c["steps"]) for c in cases), "steps")
