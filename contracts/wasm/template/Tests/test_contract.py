"""Tests of the contract, in wasmtime. Run them with ./test."""
import pathlib, sys, unittest

project = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(project / "kit/testing"))
from host import Chain, Refused, account, coin

WASM = str(project / ".build/CONTRACT_NAME.wasm")
OWNER, ALICE, BOB = account("owner"), account("alice"), account("bob")


class BookTests(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.chain.mint(ALICE, 100, "stake")
        self.book = self.chain.instantiate(WASM, {"price": coin(5, "stake")}, by=OWNER)

    def sign(self, greeting, by=ALICE, funds=(coin(5, "stake"),)):
        return self.chain.execute(self.book, {"sign": {"greeting": greeting}}, by=by, funds=funds)

    def test_keeps_greetings_and_passes_the_price_on(self):
        self.sign("hello")
        book = self.chain.query(self.book, {"greetings": {}})
        self.assertEqual(book, {"count": 1, "greetings": [{"by": ALICE, "greeting": "hello"}]})
        self.assertEqual(self.chain.balance(OWNER, "stake"), 5)
        self.assertEqual(self.chain.balance(self.book, "stake"), 0)

    def test_says_no_and_gives_the_coins_back(self):
        self.sign("hello")
        for greeting, funds, words in [
            ("again", [coin(5, "stake")], "you have signed already"),
            ("", [coin(5, "stake")], "a greeting has 1 to 140 bytes"),
            ("x" * 141, [coin(5, "stake")], "a greeting has 1 to 140 bytes"),
        ]:
            with self.assertRaisesRegex(Refused, words):
                self.sign(greeting, funds=funds)
        self.chain.mint(BOB, 100, "stake")
        with self.assertRaisesRegex(Refused, "signing costs 5stake"):
            self.sign("hi", by=BOB, funds=[coin(4, "stake")])
        with self.assertRaisesRegex(Refused, "No funds sent"):
            self.sign("hi", by=BOB, funds=[])
        self.assertEqual(self.chain.balance(BOB, "stake"), 100)
        self.assertEqual(self.chain.balance(ALICE, "stake"), 95)

    def test_refuses_messages_that_are_none(self):
        for message in [{}, {"sing": {}}, {"sign": {}}, {"sign": {"greeting": 1}}, {"sign": {"greeting": "a", "b": 1}}]:
            with self.assertRaises(Refused):
                self.chain.execute(self.book, message, by=ALICE, funds=[coin(5, "stake")])


if __name__ == "__main__":
    unittest.main()
