#!/usr/bin/env python3
"""Writes Tests/Vectors/enclaves/sd-jwt.json: SD-JWTs by the reference implementation of RFC 9901's authors.

What is to be accepted is issued, presented and verified by sd-jwt; what is to be refused is put together here by hand and
signed with jwcrypto. Keys are fixed; ECDSA signatures are random, so each run gives other texts of the same cases.

Needs: pip install sd-jwt==0.10.4 cryptography
"""
import base64
import copy
import hashlib
import json
import pathlib
import random

from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/enclaves/sd-jwt.json"
NOW = 1_750_000_000
NONCE, AUDIENCE = "n-0S6_WzA2Mj", "https://verifier.example.org"


def key(name):
    number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
    return JWK.from_pyca(ec.derive_private_key(number, ec.SECP256R1()))


ISSUER, HOLDER, STRANGER = key("issuer"), key("holder"), key("stranger")
PUBLIC = json.loads(ISSUER.export_public())
CNF = {"jwk": json.loads(HOLDER.export_public())}
SDJWTIssuer.unsafe_randomness = True


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(payload, by=ISSUER, header=None, text=None):
    header = header or {"alg": "ES256", "typ": "example+sd-jwt"}
    token = JWS(text if text is not None else json.dumps(payload))
    token.allowed_algs = ["ES256", "HS256", "ES384", "EdDSA"]
    token.add_signature(by, alg=header["alg"], protected=json.dumps(header))
    return token.serialize(compact=True)


def disclosure(*parts, text=None):
    return b64((text if text is not None else json.dumps(list(parts))).encode())


def digest(text, name="sha256"):
    return b64(hashlib.new(name, text.encode()).digest())


def base(**claims):
    return {"iss": "https://issuer.example.com", "iat": NOW - 1000, "exp": NOW + 1000, **claims}


def accepted():
    rows = []
    shapes = {
        "nothing disclosable": ({"sub": "u"}, {}),
        "flat claims": ({SDObj("given_name"): "Ana", SDObj("family_name"): "Möbius", "sub": "u"},
                        {"given_name": True}),
        "all of them": ({SDObj("a"): 1, SDObj("b"): None, SDObj("c"): True, SDObj("d"): 1.5, SDObj("e"): []},
                        {"a": True, "b": True, "c": True, "d": True, "e": True}),
        "none of them": ({SDObj("a"): 1, SDObj("b"): 2}, {}),
        "structured": ({"address": {SDObj("street"): "s", SDObj("region"): "r", "country": "DE"}},
                       {"address": {"region": True}}),
        "recursive": ({SDObj("address"): {SDObj("street"): "s", SDObj("region"): "r", "country": "DE"}},
                      {"address": {"region": True}}),
        "recursive, outer alone": ({SDObj("address"): {SDObj("street"): "s", "country": "DE"}}, {"address": True}),
        "array elements": ({"nationalities": [SDObj("DE"), SDObj("FR"), "UK", SDObj({"x": 1})]},
                           {"nationalities": [False, True, False, True]}),
        "array of arrays": ({"m": [SDObj([SDObj(1), SDObj(2)]), SDObj([SDObj(3)])]},
                            {"m": [[False, True], True]}),
        "objects in an array": ({"list": [{SDObj("a"): 1, SDObj("b"): 2}, {SDObj("c"): 3}]},
                                {"list": [{"a": True}, {"c": True}]}),
        "deep recursion": ({SDObj("a"): {SDObj("b"): {SDObj("c"): {SDObj("d"): [SDObj("e")]}}}},
                           {"a": {"b": {"c": {"d": [True]}}}}),
        "names to escape": ({SDObj("a/b"): 1, SDObj("c~d"): 2}, {"a/b": True, "c~d": True}),
    }
    for decoys in (False, True):
        for bound in (False, True):
            for name, (claims, selection) in shapes.items():
                random.seed(name)
                issuer = SDJWTIssuer(
                    {**base(), **copy.deepcopy(claims)}, ISSUER, HOLDER if bound else None,
                    add_decoy_claims=decoys)
                holder = SDJWTHolder(issuer.sd_jwt_issuance)
                binding = [NONCE, AUDIENCE, HOLDER] if bound else []
                holder.create_presentation(selection, *binding)
                if bound:
                    # The reference takes the clock of the machine: made again at the time of the tests.
                    text = holder.sd_jwt_presentation.rsplit("~", 1)[0] + "~"
                    text += sign({"nonce": NONCE, "aud": AUDIENCE, "iat": NOW - 5, "sd_hash": digest(text)}, HOLDER,
                                 {"alg": "ES256", "typ": "kb+jwt"})
                else:
                    text = holder.sd_jwt_presentation
                verified = SDJWTVerifier(
                    text, lambda issuer, header: ISSUER, AUDIENCE if bound else None, NONCE if bound else None,
                ).get_verified_payload()
                rows.append(dict(
                    name=f"{name}{', decoys' if decoys else ''}{', bound' if bound else ''}", bound=bound, text=text,
                    issuance=issuer.sd_jwt_issuance, claims=json.dumps(verified, sort_keys=True, ensure_ascii=False)))
    for algorithm, name in (("sha-384", "sha384"), ("sha-512", "sha512")):
        part = disclosure("salt", "a", 1)
        payload = base(_sd=[digest(part, name)], _sd_alg=algorithm)
        rows.append(dict(name=f"hashes of {algorithm}", bound=False, text=sign(payload) + "~" + part + "~",
                         issuance=sign(payload) + "~" + part + "~",
                         claims=json.dumps(base(a=1), sort_keys=True)))
    for style, text in (("no white space", '["_26bc4LT-ac6q2KI6cBW5es","family_name","Möbius"]'),
                        ("escapes", '["_26bc4LT-ac6q2KI6cBW5es", "family_name", "M\\u00f6bius"]'),
                        ("lines", '[\n"_26bc4LT-ac6q2KI6cBW5es",\n"family_name",\n"Möbius"\n]')):
        part = disclosure(text=text)
        payload = base(_sd=[digest(part)])
        whole = sign(payload) + "~" + part + "~"
        rows.append(dict(name=f"written with {style}", bound=False, text=whole, issuance=whole,
                         claims=json.dumps(base(family_name="Möbius"), sort_keys=True, ensure_ascii=False)))
    whole = sign(base(_sd=[], list=[{"...": digest("decoy")}])) + "~"
    rows.append(dict(name="an empty list of digests, a decoy element", bound=False, text=whole, issuance=whole,
                     claims=json.dumps(base(list=[]), sort_keys=True)))
    return rows


def refused():
    rows = []

    def add(name, text, error, bound=False, **more):
        rows.append(dict(name=name, text=text, error=error, bound=bound, **more))

    a = disclosure("salt-a", "a", 1)
    b = disclosure("salt-b", "b", 2)
    element = disclosure("salt-e", "x")
    good = base(_sd=[digest(a)])
    add("no tilde", sign(good), "noTilde")
    add("empty", "", "noTilde")
    add("two parts", "e30.e30~", "issuer.parts")
    unsigned = b64(b'{"alg":"none"}') + "." + b64(json.dumps(good).encode()) + "."
    add("alg none", unsigned + "~" + a + "~", "issuer.algorithm")
    add("alg None", b64(b'{"alg":"None"}') + "." + b64(json.dumps(good).encode()) + ".~", "issuer.algorithm")
    add("no alg", b64(b'{}') + "." + b64(json.dumps(good).encode()) + ".AA~", "issuer.algorithm")
    secret = JWK(kty="oct", k=b64(ISSUER.export_to_pem()))
    add("a MAC with the public key", sign(good, secret, {"alg": "HS256"}) + "~" + a + "~", "issuer.algorithm")
    p384 = JWK.from_pyca(ec.derive_private_key(5, ec.SECP384R1()))
    add("another algorithm than the key's", sign(good, p384, {"alg": "ES384"}) + "~", "issuer.keyAlgorithm")
    add("signed by another", sign(good, STRANGER) + "~" + a + "~", "issuer.signature")
    text = sign(good)
    head, body, mark = text.split(".")
    add("another payload under the signature",
        head + "." + b64(json.dumps({**good, "admin": True}).encode()) + "." + mark + "~" + a + "~", "issuer.signature")
    add("padded base 64", head + "=." + body + "." + mark + "~", "issuer.base64")
    add("a payload that is no object", sign(None, text="[]") + "~", "issuer.notObject")
    add("a member twice", sign(None, text='{"iss":"a","iss":"b"}') + "~", "issuer.payloadJSON")
    add("a disclosure without digest", sign(good) + "~" + a + "~" + b + "~", "unreferenced")
    add("a disclosure whose outer one is missing",
        sign(base(_sd=[digest(disclosure("s", "o", {"_sd": [digest(a)]}))])) + "~" + a + "~", "unreferenced")
    add("a disclosure twice", sign(good) + "~" + a + "~" + a + "~", "disclosureTwice")
    add("an empty disclosure", sign(good) + "~~", "emptyDisclosure")
    add("a disclosure that is not base 64", sign(good) + "~" + a + "+~", "disclosureBase64")
    for name, raw in (("not JSON", "[1,"), ("an object", "{}"), ("one element", '["s"]'), ("four", '["s","a",1,2]'),
                      ("a salt that is a number", '[1,"a",1]'), ("a name that is a number", '["s",1,1]')):
        part = disclosure(text=raw)
        add(f"a disclosure: {name}", sign(base(_sd=[digest(part)])) + "~" + part + "~",
            "disclosureJSON" if name == "not JSON" else "disclosureForm")
    add("an element's disclosure for a member", sign(base(_sd=[digest(element)])) + "~" + element + "~",
        "disclosureKind")
    add("a member's disclosure for an element", sign(base(list=[{"...": digest(a)}])) + "~" + a + "~",
        "disclosureKind")
    for reserved in ("_sd", "...", "_sd_alg"):
        part = disclosure("s", reserved, [])
        add(f"a claim named {reserved}", sign(base(_sd=[digest(part)])) + "~" + part + "~", "reservedName")
    part = disclosure("s", "iss", "https://evil.example")
    add("a claim that is there", sign(base(_sd=[digest(part)])) + "~" + part + "~", "claimExists")
    other = disclosure("t", "a", 2)
    add("a claim disclosed twice", sign(base(_sd=[digest(a), digest(other)])) + "~" + a + "~" + other + "~",
        "claimExists")
    add("a digest twice in one list", sign(base(_sd=[digest(a), digest(a)])) + "~" + a + "~", "digestTwice")
    add("a digest twice in two lists", sign(base(_sd=[digest(a)], o={"_sd": [digest(a)]})) + "~" + a + "~",
        "digestTwice")
    add("a digest twice, not shown", sign(base(_sd=[digest("x")], l=[{"...": digest("x")}])) + "~", "digestTwice")
    outer = disclosure("s", "o", {"_sd": [digest(a)]})
    add("a digest in a disclosure and in the payload",
        sign(base(_sd=[digest(a), digest(outer)])) + "~" + a + "~" + outer + "~", "digestTwice")
    add("digests that are no list", sign(base(_sd="x")) + "~", "digestForm")
    add("a digest that is no string", sign(base(_sd=[1])) + "~", "digestForm")
    add("an element's digest that is no string", sign(base(l=[{"...": 1}])) + "~", "digestForm")
    add("an element's digest with company", sign(base(l=[{"...": digest(element), "x": 1}])) + "~" + element + "~",
        "digestForm")
    add("three dots outside an array", sign(base(o={"...": digest(element)})) + "~" + element + "~", "digestForm")
    add("an unknown hash", sign(base(_sd_alg="md5")) + "~", "hashAlgorithm")
    add("a hash in capitals", sign(base(_sd_alg="SHA-256")) + "~", "hashAlgorithm")
    add("a hash that is a number", sign(base(_sd_alg=256)) + "~", "hashAlgorithm")
    add("a hash below the top", sign(base(o={"_sd_alg": "sha-256"})) + "~", "hashAlgorithmNested")
    add("expired", sign({**base(), "exp": NOW}) + "~", "expired")
    add("expiry as text", sign({**base(), "exp": "soon"}) + "~", "claimForm")
    add("expiry with a fraction", sign({**base(), "exp": NOW + 10.5}) + "~", "claimForm")
    add("not yet", sign(base(nbf=NOW + 1)) + "~", "notYet")
    add("issued later", sign({**base(), "iat": NOW + 1}) + "~", "notYet")
    hidden = disclosure("s", "exp", NOW - 1)
    payload = base(_sd=[digest(hidden)])
    del payload["exp"]
    add("no expiry shown", sign(payload) + "~", "claimMissing")
    add("expired in a disclosure", sign(payload) + "~" + hidden + "~", "expired")
    add("another issuer", sign({**base(), "iss": "https://other.example"}) + "~", "claimValue")

    whole = sign(base(_sd=[digest(a)], cnf=CNF)) + "~" + a + "~"

    def binding(by=HOLDER, header=None, over=whole, **change):
        body = {"nonce": NONCE, "aud": AUDIENCE, "iat": NOW - 5, "sd_hash": digest(over), **change}
        return over + sign({k: v for k, v in body.items() if v is not None}, by,
                           header or {"alg": "ES256", "typ": "kb+jwt"})

    add("no key binding", whole, "keyBindingMissing", True)
    add("a key binding that nobody asked for", binding(), "keyBindingUnexpected")
    add("bound by another key", binding(STRANGER), "keyBinding.token", True)
    add("bound by the issuer", binding(ISSUER), "keyBinding.token", True)
    add("another nonce", binding(nonce="x"), "keyBinding.nonce", True)
    add("no nonce", binding(nonce=None), "keyBinding.nonce", True)
    add("another audience", binding(aud="https://other.example"), "keyBinding.audience", True)
    add("an audience in a list", binding(aud=[AUDIENCE]), "keyBinding.audience", True)
    add("no time", binding(iat=None), "keyBinding.issuedForm", True)
    add("made later", binding(iat=NOW + 1), "keyBinding.inFuture", True)
    add("too old", binding(iat=NOW - 301), "keyBinding.tooOld", True)
    add("without its type", binding(header={"alg": "ES256"}), "keyBinding.token", True)
    add("with another type", binding(header={"alg": "ES256", "typ": "JWT"}), "keyBinding.token", True)
    stripped = whole.split("~")[0] + "~"
    add("a disclosure taken away", stripped + binding().rsplit("~", 1)[1], "keyBinding.selection", True)
    add("no hash", binding(sd_hash=None), "keyBinding.selection", True)
    add("no key of the holder", binding(over=sign(good) + "~" + a + "~"), "keyBinding.noConfirmationKey", True)
    add("a private key of the holder",
        binding(over=sign(base(cnf={"jwk": json.loads(HOLDER.export_private())})) + "~"),
        "keyBinding.confirmationKey", True)
    add("a symmetric key of the holder", binding(over=sign(base(cnf={"jwk": {"kty": "oct", "k": "AA"}})) + "~"),
        "keyBinding.confirmationKey", True)
    return rows


if __name__ == "__main__":
    body = {"schema": "causeway-vectors/enclaves/sd-jwt/1",
            "source": "tools/vectors/sd_jwt_claims.py: sd-jwt 0.10.4, jwcrypto", "now": NOW, "nonce": NONCE,
            "audience": AUDIENCE, "issuer": "https://issuer.example.com", "issuerKey": PUBLIC,
            "accepted": accepted(), "refused": refused()}
    OUT.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    print(len(body["accepted"]), len(body["refused"]))
