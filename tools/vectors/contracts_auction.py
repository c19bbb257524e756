#!/usr/bin/env python3
"""Makes Tests/Vectors/contracts/auction.json: what a sealed-bid auction at the second price pays and tells.

Written from the rules alone. The first ask sells its own escrow; a bid counts when its sender is not the seller, has no
bid before it, names no other seller, and its escrow holds as much of what the ask names. The highest bid that reaches the
least price wins, of equal ones the first in the order of the inputs; it pays the larger of the least price and the best
other bid that counts. Everybody else has his escrow back. Payouts: one entry for each account, in the order of first
inputs, coins by the order of their names' bytes. `replies` stand here without the spaces that fill each up to 512 bytes.
"""
import base64, hashlib, json, pathlib, random, re

WORDS = {
    "amount": "an amount is a decimal number above zero, without leading zeros, of at most 78 digits",
    "order": "an order has one of ask and bid",
    "another sale": "something else is sold already",
    "no sale": "nothing is sold",
    "another seller": "somebody else sells",
    "seller": "a seller does not bid",
    "second": "one bid for each account",
    "uncovered": "the escrow does not cover the bid",
}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def coins(purse):
    return [{"denom": name, "amount": str(purse[name])} for name in sorted(purse, key=str.encode) if purse[name] > 0]


def amount(text):
    return int(text) if re.fullmatch("[1-9][0-9]{0,77}", text) else None


def play(case, inputs):
    """`inputs`: (sender, nonce, purse, order as a dict or raw bytes, the refusal of bytes that are no order)."""
    outcomes = [{"outcome": "lost"} for _ in inputs]
    sale = None
    bids = []

    def refuse(index, why):
        outcomes[index] = {"outcome": "refused", "reason": WORDS.get(why, why)}

    orders = []
    for index, (_, _, _, order, words) in enumerate(inputs):
        if words is not None:
            refuse(index, words)
            order = None
        elif ("ask" in order) == ("bid" in order):
            refuse(index, "order")
            order = None
        elif amount(order.get("ask", order.get("bid"))) is None:
            refuse(index, "amount")
            order = None
        orders.append(order)
    for index, order in enumerate(orders):
        if order and "ask" in order:
            if sale is None:
                sale = (index, amount(order["ask"]), order["denom"])
                outcomes[index] = {"outcome": "unsold"}
            else:
                refuse(index, "another sale")
    for index, order in enumerate(orders):
        if not order or "bid" not in order:
            continue
        sender, _, purse, _, _ = inputs[index]
        if sale is None:
            refuse(index, "no sale")
        elif order.get("seller", inputs[sale[0]][0]) != inputs[sale[0]][0]:
            refuse(index, "another seller")
        elif sender == inputs[sale[0]][0]:
            refuse(index, "seller")
        elif any(inputs[other][0] == sender for other, _ in bids):
            refuse(index, "second")
        elif purse.get(sale[2], 0) < amount(order["bid"]):
            refuse(index, "uncovered")
        else:
            bids.append((index, amount(order["bid"])))
    paid = [dict(purse) for _, _, purse, _, _ in inputs]
    reaching = [bid for bid in bids if sale and bid[1] >= sale[1]]
    if reaching:
        place, least, denom = sale
        winner = max(reaching, key=lambda bid: (bid[1], -bid[0]))[0]
        price = max([least] + [value for index, value in bids if index != winner])
        lot = dict(paid[place])
        paid[winner][denom] -= price
        for name, value in lot.items():
            paid[winner][name] = paid[winner].get(name, 0) + value
        paid[place] = {denom: price}
        outcomes[winner] = {"outcome": "won", "price": str(price), "denom": denom, "lot": coins(lot)}
        outcomes[place] = {"outcome": "sold", "price": str(price), "denom": denom}
    accounts = {}
    for (sender, _, _, _, _), purse in zip(inputs, paid):
        if not any(purse.values()):
            continue
        total = accounts.setdefault(sender, {})
        for name, value in purse.items():
            total[name] = total.get(name, 0) + value
    payouts = [{"account": sender, "coins": coins(purse)} for sender, purse in accounts.items()]
    sums = []
    for purses in ([purse for _, _, purse, _, _ in inputs], list(accounts.values())):
        totals = {}
        for purse in purses:
            for name, value in purse.items():
                totals[name] = totals.get(name, 0) + value
        sums.append({name: value for name, value in totals.items() if value})
    assert sums[0] == sums[1]
    digest = hashlib.sha256(compact(payouts).encode()).digest()
    state = hashlib.sha256(b"causeway/auction/v1" + bytes.fromhex(case[2:]) + digest).hexdigest()
    replies = [compact(outcome) for outcome in outcomes]
    return {"payouts": payouts, "state": "0x" + state, "replies": replies}, outcomes


def request(case, inputs):
    return {
        "compute": {
            "case": case,
            "inputs": [
                {
                    "sender": sender,
                    "nonce": nonce,
                    "coins": coins(purse),
                    "body": base64.b64encode(order if isinstance(order, bytes) else compact(order).encode()).decode(),
                }
                for sender, nonce, purse, order, _ in inputs
            ],
        }
    }


def account(name):
    return "0x" + (b"\x00\x01\x00\x00\x00\x14" + hashlib.sha256(name.encode()).digest()[:20]).hex()


def main():
    cases = []

    def add(name, inputs, expect=None):
        case = "0x" + hashlib.sha256(name.encode()).hexdigest()
        inputs = [entry if len(entry) == 5 else (*entry, None) for entry in inputs]
        want, outcomes = play(case, inputs)
        words = [outcome["outcome"] for outcome in outcomes]
        assert expect is None or words == expect, (name, words)
        cases.append({"name": name, "request": request(case, inputs), "want": want})

    seller, a, b, c = (account(name) for name in ("seller", "a", "b", "c"))
    lot = (seller, 1, {"gold": 3}, {"ask": "100", "denom": "stake"})

    def bid(who, value, held=1000, nonce=1, **more):
        return (who, nonce, {"stake": held}, {"bid": str(value), **more})

    add("nobody", [])
    add("a seller alone", [lot], ["unsold"])
    add("one bid pays the least price", [lot, bid(a, 500)], ["sold", "won"])
    add("three bids", [lot, bid(a, 300), bid(b, 500), bid(c, 400)], ["sold", "lost", "won", "lost"])
    add("the ask comes last", [bid(a, 300), bid(b, 500), lot], ["lost", "won", "sold"])
    add("of equal bids the first", [lot, bid(a, 300), bid(b, 500), bid(c, 500)], ["sold", "lost", "won", "lost"])
    add("of equal bids the first, otherwise", [lot, bid(c, 500), bid(b, 500)], ["sold", "won", "lost"])
    add("under the least price", [lot, bid(a, 99), bid(b, 50)], ["unsold", "lost", "lost"])
    add("the second is under the least price", [lot, bid(a, 99), bid(b, 101)], ["sold", "lost", "won"])
    add("exactly the least price", [lot, bid(b, 100)], ["sold", "won"])
    add("all of the escrow", [lot, bid(a, 1000), bid(b, 1000)], ["sold", "won", "lost"])
    add("more than the escrow", [lot, bid(a, 1001), bid(b, 500)], ["sold", "refused", "won"])
    add("no sale", [bid(a, 1), bid(b, 2)], ["refused", "refused"])
    add("two sales", [lot, (a, 1, {"silver": 1}, {"ask": "1", "denom": "stake"}), bid(b, 200)], ["sold", "refused", "won"])
    add("the seller bids", [lot, bid(seller, 500), bid(b, 200)], ["sold", "refused", "won"])
    add("two bids of one account", [lot, bid(a, 300), bid(a, 500, nonce=2), bid(b, 200)], ["sold", "won", "refused", "lost"])
    add("for another seller", [lot, bid(a, 300, seller=b), bid(b, 200, seller=seller)], ["sold", "refused", "won"])
    add("other coins", [lot, (a, 1, {"stake": 400, "silver": 7}, {"bid": "400"}), (b, 1, {"silver": 5}, {"bid": "1"})],
        ["sold", "won", "refused"])
    add("the lot is of the same token", [(seller, 1, {"stake": 5, "gold": 1}, {"ask": "10", "denom": "stake"}), bid(a, 20, 20)],
        ["sold", "won"])
    add("a lot of nothing", [(seller, 1, {}, {"ask": "10", "denom": "stake"}), bid(a, 20, 20)], ["sold", "won"])
    add("nothing in escrow", [lot, (a, 1, {}, {"bid": "1"})], ["unsold", "refused"])
    add("numbers of 256 bits",
        [(seller, 1, {"gold": 2**256 - 1}, {"ask": str(2**255), "denom": "stake"}),
         (a, 1, {"stake": 2**255 + 5}, {"bid": str(2**255 + 3)}), (b, 1, {"stake": 2**255 - 6}, {"bid": "1"})],
        ["sold", "won", "lost"])
    malformed = [
        (b"", "malformed JSON: ended early at byte 0"),
        (b"hello", "malformed JSON: unexpected character at byte 0"),
        (b'"bid"', "malformed object"),
        (b'{"bid":"5"}x', "malformed JSON: trailing bytes at byte 11"),
        (b'{"bid":5}', "malformed string"),
        (b'{"bid":"5","bid":"6"}', "malformed JSON: member twice at byte 16"),
        (b'{"bid":"5","more":1}', "unknown field more"),
        (b'{"ask":"5"}', "missing field denom"),
        (b'{"ask":"5","denom":""}', "a denom has 1 to 128 bytes"),
        (b'{"bid":"\xff"}', "malformed JSON: no string at byte 8"),
    ]
    for index, (body, words) in enumerate(malformed):
        add(f"no order {index}", [lot, (a, 1, {"stake": 9}, body, words), bid(b, 200)], ["sold", "refused", "won"])
    for value in ("0", "01", "-1", "+1", " 1", "1.0", "", "1" * 79, "9" * 78):
        order = {"bid": value}
        add(f"amount {value[:4]!r}, {len(value)}", [lot, (a, 1, {"stake": 9}, order), bid(b, 200)], ["sold", "refused", "won"])
    add("both", [lot, (a, 1, {"stake": 9}, {"ask": "1", "denom": "stake", "bid": "1"}), (b, 1, {"stake": 4}, {})],
        ["unsold", "refused", "refused"])

    rng = random.Random(7)
    for number in range(60):
        people = [account(f"p{index}") for index in range(rng.randrange(2, 9))]
        inputs = []
        for nonce in range(rng.randrange(1, 14)):
            purse = {name: rng.randrange(1, 10 ** rng.choice((1, 2, 20, 40))) for name in rng.sample(["gold", "stake", "a/b"], rng.randrange(3))}
            if rng.random() < 0.2:
                order = {"ask": str(rng.randrange(1, 30)), "denom": rng.choice(["stake", "stake", "gold"])}
            else:
                most = max([4] + list(purse.values()))
                order = {"bid": str(rng.randrange(1, rng.choice((10, most + 2))))}
                if rng.random() < 0.1:
                    order["seller"] = rng.choice(people)
            inputs.append((rng.choice(people), nonce, purse, order))
        add(f"random {number}", inputs)
    add("256 inputs", [lot] + [bid(account(f"n{index}"), 1 + index * 7919 % 997) for index in range(255)])

    path = pathlib.Path(__file__).parents[2] / "Tests/Vectors/contracts/auction.json"
    path.write_text(json.dumps({"schema": "causeway.contract-auction/1", "source": "tools/vectors/contracts_auction.py", "cases": cases}, separators=(",", ":")) + "\n")
    print(len(cases), "cases")


main()
