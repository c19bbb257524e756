"""Tokens of verifiers, signed by `cryptography`.

Writes Tests/Vectors/attestation/tokens.json: EAR, Confidential Space and Azure Attestation, as their documents describe
them, and what is wrong with others.

    .venv/bin/python tools/vectors/attestation_tokens.py
"""

import base64
import datetime
import hashlib
import json
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/attestation/tokens.json"
NOW = 1_780_000_000
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
cases = []


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def spki(key):
    return "0x" + key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo).hex()


def sign(key, algorithm, message):
    function = HASHES[algorithm[2:]]()
    if algorithm.startswith("ES"):
        r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(function)))
        width = key.curve.key_size // 8
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    if algorithm.startswith("PS"):
        return key.sign(message, padding.PSS(padding.MGF1(function), function.digest_size), function)
    return key.sign(message, padding.PKCS1v15(), function)


def token(key, algorithm, claims, header=None, raw_header=None, raw_claims=None):
    head = {"alg": algorithm, "typ": "JWT", **(header or {})}
    text = b64(raw_header or json.dumps(head).encode()) + "." + b64(raw_claims or json.dumps(claims).encode())
    return text + "." + b64(sign(key, algorithm, text.encode()))


def case(name, text, policy, want=None, error=None, at=NOW):
    entry = {"name": name, "token": text, "policy": policy, "at": at}
    entry.update({"error": error} if error else {"want": want or {}})
    cases.append(entry)


def authority(name, key, issuer, signer, ca, days=(-30, 300)):
    def entity(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    now = datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
    built = (
        x509.CertificateBuilder().subject_name(entity(name)).issuer_name(entity(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
        .sign(signer, hashes.SHA256()))
    return built.public_bytes(serialization.Encoding.DER)


p256 = ec.generate_private_key(ec.SECP256R1())
p384 = ec.generate_private_key(ec.SECP384R1())
rsa2048 = rsa.generate_private_key(65537, 2048)
other = ec.generate_private_key(ec.SECP256R1())

EAR = {
    "eat_profile": "tag:github.com,2023:veraison/ear", "iat": NOW - 60, "exp": NOW + 600,
    "ear.verifier-id": {"developer": "Acme", "build": "1.0"},
    "eat_nonce": "c2VjcmV0IGNoYWxsZW5nZQ",
    "submods": {
        "cpu0": {
            "ear.status": "affirming", "ear.appraisal-policy-id": "policy-1",
            "ear.trustworthiness-vector": {"instance-identity": 2, "executables": 3, "hardware": 2},
        }},
}
CLAIM = [{"path": ["submods", "cpu0", "ear.appraisal-policy-id"], "values": ["policy-1"]}]


def changed(base, **more):
    out = json.loads(json.dumps(base))
    for key, value in more.items():
        path = key.split("__")
        at = out
        for part in path[:-1]:
            at = at[part]
        name = path[-1].replace("_dot_", ".").replace("_dash_", "-")
        if value is None:
            del at[name]
        else:
            at[name] = value
    return out


def ear_policy(key=p256, algorithm="ES256", claims=None, **more):
    return {"kind": "ear", "keys": [{"alg": algorithm, "spki": spki(key)}],
            "claims": CLAIM if claims is None else claims, **more}


def ears():
    want = {"issued": NOW - 60, "expires": NOW + 599, "nonce": "c2VjcmV0IGNoYWxsZW5nZQ"}
    for key, algorithm in [(p256, "ES256"), (p384, "ES384"), (rsa2048, "RS256"), (rsa2048, "RS384"), (rsa2048, "RS512"),
                           (rsa2048, "PS256"), (rsa2048, "PS384"), (rsa2048, "PS512")]:
        case(f"EAR, {algorithm}", token(key, algorithm, EAR), ear_policy(key, algorithm), want)
    good = token(p256, "ES256", EAR)
    case("a date with an exponent", token(p256, "ES256", None, raw_claims=json.dumps(EAR).replace(
        str(NOW - 60), "1.77999994e+09").encode()), ear_policy(), {**want, "issued": NOW - 60})
    case("no claim is asked for", good, ear_policy(claims=[]), error="value")
    case("no value is allowed", good, ear_policy(claims=[{**CLAIM[0], "values": []}]), error="value")
    case("another value", good, ear_policy(claims=[{**CLAIM[0], "values": ["policy-2"]}]), error="value")
    case("a claim that is not there", good, ear_policy(claims=[{"path": ["submods", "gpu0", "x"], "values": [1]}]), error="value")
    case("another key", good, ear_policy(other), error="signature")
    case("a key for another algorithm", good, ear_policy(p384, "ES384"), error="noKey")
    case("expired", good, ear_policy(), error="expired", at=NOW + 600)
    case("the last second", good, ear_policy(), want, at=NOW + 599)
    case("not yet valid", token(p256, "ES256", changed(EAR, nbf=NOW + 10)), ear_policy(), error="notYetValid")
    case("another profile", token(p256, "ES256", changed(EAR, eat_profile="tag:example.org,2025:x")), ear_policy(), error="ear")
    case("a profile that is asked for", token(p256, "ES256", changed(EAR, eat_profile="tag:example.org,2025:x")),
         ear_policy(profile="tag:example.org,2025:x"), want)
    for name, value in [("warning", "warning"), ("contraindicated", "contraindicated"), ("none", "none"), ("32", 32)]:
        vector = None if name == "none" else {"executables": 32 if name != "contraindicated" else 96}
        claims = changed(EAR, submods__cpu0__ear_dot_status=value)
        if vector is None:
            del claims["submods"]["cpu0"]["ear.trustworthiness-vector"]
        else:
            claims["submods"]["cpu0"]["ear.trustworthiness-vector"] = vector
        case(f"status {name}", token(p256, "ES256", claims), ear_policy(), error="status")
    warned = changed(EAR, submods__cpu0__ear_dot_status="warning")
    case("a status that is asked for", token(p256, "ES256", warned),
         ear_policy(claims=[{"path": ["submods", "cpu0", "ear.status"], "values": ["warning"]}]), want)
    for name, claims in [
        ("no submodules", changed(EAR, submods={})), ("no date", changed(EAR, iat=None)),
        ("a date as text", changed(EAR, iat=str(NOW))), ("no verifier", changed(EAR, ear_dot_verifier_dash_id=None)),
        ("no status", changed(EAR, submods__cpu0__ear_dot_status=None)),
        ("an unknown status", changed(EAR, submods__cpu0__ear_dot_status="fine")),
        ("no profile", changed(EAR, eat_profile=None)),
    ]:
        if name == "no verifier":
            claims = {k: v for k, v in EAR.items() if k != "ear.verifier-id"}
        case(name, token(p256, "ES256", claims), ear_policy(), error="ear")
    bad = json.loads(json.dumps(EAR))
    bad["submods"]["cpu0"]["ear.trustworthiness-vector"]["executables"] = 33
    case("a status better than its worst claim", token(p256, "ES256", bad), ear_policy(), error="ear")
    bad["submods"]["cpu0"]["ear.trustworthiness-vector"] = {"luck": 2}
    case("an unknown claim in the vector", token(p256, "ES256", bad), ear_policy(), error="ear")
    bad["submods"]["cpu0"]["ear.trustworthiness-vector"] = {"hardware": 128}
    case("a claim out of range", token(p256, "ES256", bad), ear_policy(), error="ear")

    head, body, tail = good.split(".")
    case("four parts", good + ".", ear_policy(), error="token")
    case("two parts", head + "." + body, ear_policy(), error="token")
    case("no signature", head + "." + body + ".", ear_policy(), error="signature")
    case("padding", good + "=", ear_policy(), error="token")
    case("white space", good[:20] + "\n" + good[20:], ear_policy(), error="token")
    case("the other alphabet", good.replace(tail, base64.b64encode(b"\xfb\xff" * 32).decode().rstrip("=")), ear_policy(), error="token")
    last = {"A": "B", "Q": "R", "g": "h", "w": "x"}
    case("lost bits in the signature", good[:-1] + last[good[-1]], ear_policy(), error="token")
    case("a flipped payload", head + "." + b64(json.dumps(changed(EAR, iat=NOW - 59)).encode()) + "." + tail, ear_policy(),
         error="signature")
    case("a shorter signature", ".".join([head, body, b64(base64.urlsafe_b64decode(tail + "==")[:-1])]), ear_policy(), error="signature")
    der = p256.sign((head + "." + body).encode(), ec.ECDSA(hashes.SHA256()))
    case("a signature in DER", ".".join([head, body, b64(der)]), ear_policy(), error="signature")
    for name, raw in [
        ("a member twice in the header", b'{"alg":"ES256","alg":"ES256"}'), ("crit", b'{"alg":"ES256","crit":["x"],"x":1}'),
        ("b64", b'{"alg":"ES256","b64":false}'), ("no algorithm", b'{"typ":"JWT"}'), ("an algorithm that is a number", b'{"alg":256}'),
        ("another type", b'{"alg":"ES256","typ":"JOSE+JSON"}'), ("a header that is a list", b'["ES256"]'),
    ]:
        case(name, token(p256, "ES256", EAR, raw_header=raw), ear_policy(), error="token")
    none = b64(b'{"alg":"none"}') + "." + body + "."
    case("alg none", none, ear_policy(), error="token")
    mac = b64(b'{"alg":"HS256"}') + "." + body
    case("an HMAC with the public key", mac + "." + b64(__import__("hmac").new(
        bytes.fromhex(spki(p256)[2:]), mac.encode(), hashlib.sha256).digest()), ear_policy(), error="token")
    case("a member twice in the payload", token(p256, "ES256", None, raw_claims=json.dumps(EAR)[:-1].encode() + b',"iat":1}'),
         ear_policy(), error="token")
    numbers = other.public_key().public_numbers()
    own = {"jwk": {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big"))}}
    case("a key of the token's own", token(other, "ES256", EAR, header=own), ear_policy(), error="signature")


GOOGLE = {
    "iss": "https://confidentialcomputing.googleapis.com", "sub": "https://www.googleapis.com/compute/v1/projects/p",
    "aud": "https://sts.example.com", "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 3540,
    "eat_nonce": ["first-nonce-of-two", "second-nonce"], "secboot": True, "hwmodel": "GCP_AMD_SEV", "swname": "CONFIDENTIAL_SPACE",
    "dbgstat": "disabled-since-boot",
    "submods": {
        "confidential_space": {"support_attributes": ["LATEST", "STABLE", "USABLE"]},
        "container": {"image_digest": "sha256:" + "ab" * 32, "image_reference": "example/app:latest", "args": []}},
}
IMAGE = [{"path": ["submods", "container", "image_digest"], "values": ["sha256:" + "ab" * 32]}]


def google():
    policy = {"kind": "confidential-space", "keys": [{"alg": "RS256", "spki": spki(rsa2048)}], "claims": IMAGE,
              "audience": "https://sts.example.com"}
    want = {"issued": NOW - 60, "expires": NOW + 3539, "nonce": "first-nonce-of-two"}
    case("Confidential Space", token(rsa2048, "RS256", GOOGLE), policy, want)
    root_key = rsa.generate_private_key(65537, 2048)
    root = authority("root", root_key, "root", root_key, True)
    leaf = authority("leaf", rsa2048, "root", root_key, False)
    chain = [base64.b64encode(der).decode() for der in (leaf, root)]
    pki = {**policy, "roots": ["0x" + hashlib.sha256(root).hexdigest()]}
    del pki["keys"]
    case("Confidential Space, PKI", token(rsa2048, "RS256", GOOGLE, header={"x5c": chain}), pki, want)
    case("PKI without a chain", token(rsa2048, "RS256", GOOGLE), pki, error="noKey")
    stranger = rsa.generate_private_key(65537, 2048)
    strange = [base64.b64encode(der).decode() for der in (
        authority("leaf", rsa2048, "root", stranger, False), authority("root", stranger, "root", stranger, True))]
    case("PKI under another root", token(rsa2048, "RS256", GOOGLE, header={"x5c": strange}), pki, error="chain")
    case("PKI by another key", token(stranger, "RS256", GOOGLE, header={"x5c": chain}), pki, error="signature")
    case("a chain in the other base 64", token(rsa2048, "RS256", GOOGLE, header={"x5c": [b64(leaf) + "_", chain[1]]}), pki,
         error="certificates")
    late = authority("leaf", rsa2048, "root", root_key, False, days=(-30, -1))
    case("PKI with an expired certificate", token(rsa2048, "RS256", GOOGLE, header={"x5c": [base64.b64encode(late).decode(), chain[1]]}),
         pki, error="chain")
    for name, claims, error in [
        ("a debug image", changed(GOOGLE, dbgstat="enabled"), "value"), ("another issuer", changed(GOOGLE, iss="https://x"), "value"),
        ("another audience", changed(GOOGLE, aud="https://x"), "value"), ("no secure boot", changed(GOOGLE, secboot=False), "value"),
        ("other software", changed(GOOGLE, swname="GCE"), "value"), ("no model", changed(GOOGLE, hwmodel=None), "claim"),
        ("seven nonces", changed(GOOGLE, eat_nonce=["nonce-%d-of-seven" % i for i in range(7)]), "claim"),
        ("a short nonce", changed(GOOGLE, eat_nonce="1234567"), "claim"), ("no end", changed(GOOGLE, exp=None), "claim"),
        ("another image", changed(GOOGLE, submods__container__image_digest="sha256:" + "cd" * 32), "value"),
        ("over", changed(GOOGLE, exp=NOW - 1), "expired"),
    ]:
        case("Confidential Space: " + name, token(rsa2048, "RS256", claims), policy, error=error)
    case("a debug image that is allowed", token(rsa2048, "RS256", changed(GOOGLE, dbgstat="enabled")), {**policy, "debug": True},
         {**want, "debug": True})


MAA = {
    "iss": "https://shared.eus.attest.azure.net", "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 28740, "nonce": "12345678",
    "x-ms-attestation-type": "azurevm", "x-ms-policy-hash": "wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs",
    "x-ms-isolation-tee": {"x-ms-attestation-type": "sevsnpvm", "x-ms-compliance-status": "azure-compliant-cvm",
                           "x-ms-sevsnpvm-is-debuggable": False, "x-ms-sevsnpvm-launchmeasurement": "ab" * 48},
}


def azure():
    policy = {"kind": "maa", "keys": [{"alg": "RS256", "spki": spki(rsa2048)}], "issuer": "https://shared.eus.attest.azure.net",
              "claims": [{"path": ["x-ms-isolation-tee", "x-ms-sevsnpvm-launchmeasurement"], "values": ["ab" * 48]}]}
    want = {"issued": NOW - 60, "expires": NOW + 28739, "nonce": "12345678"}
    jku = {"jku": "https://shared.eus.attest.azure.net/certs", "kid": "x"}
    case("Azure Attestation", token(rsa2048, "RS256", MAA, header=jku), policy, want)
    debug = json.loads(json.dumps(MAA))
    debug["x-ms-isolation-tee"]["x-ms-sevsnpvm-is-debuggable"] = True
    case("Azure Attestation: debug", token(rsa2048, "RS256", debug), policy, error="value")
    case("Azure Attestation: another instance", token(rsa2048, "RS256", {**MAA, "iss": "https://evil.attest.azure.net"}), policy,
         error="value")
    case("Azure Attestation: no type", token(rsa2048, "RS256", {k: v for k, v in MAA.items() if k != "x-ms-attestation-type"}), policy,
         error="claim")
    case("Azure Attestation: expired", token(rsa2048, "RS256", MAA), policy, error="expired", at=NOW + 28740)


ears()
google()
azure()
OUT.write_text(json.dumps({
    "schema": "causeway.vectors.attestation-tokens/1", "source": "tools/vectors/attestation_tokens.py: cryptography",
    "cases": cases}, indent=1) + "\n")
print(len(cases), "cases", sum("want" in c for c in cases), "accepted")
