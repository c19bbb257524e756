"""Makes Tests/Vectors/signer-wire/: certificates as peers show them, and one handshake with a request, byte for byte.

Everything is computed with the package `cryptography` and the standard library. Run with tools/.venv/bin/python.
"""

import datetime
import hashlib
import hmac
import json
import pathlib
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Vectors" / "signer-wire"
START = datetime.datetime(2026, 1, 1)
END = datetime.datetime(2126, 1, 1)


def hexed(data):
    return "0x" + data.hex()


# Keys are derived from a word, so that running this again gives the same keys.
def ec_key(word):
    scalar = int.from_bytes(hashlib.sha256(("causeway test " + word).encode()).digest(), "big")
    return ec.derive_private_key(scalar % (2**255), ec.SECP256R1())


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def usage(sign=True, cert=False, crl=False):
    return x509.KeyUsage(sign, False, False, False, False, cert, crl, False, False)


def authority(word):
    key = ec_key(word)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name(word)).issuer_name(name(word)).public_key(key.public_key())
        .serial_number(1).not_valid_before(START).not_valid_after(END)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(usage(False, True, True), True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


ROOT_KEY, ROOT = authority("root")
OTHER_KEY, OTHER = authority("other root")


def leaf(word, uris, *, dns=(), ca=False, key_usage=usage(), critical=True, san=True, issuer=(ROOT_KEY, ROOT),
         end=END, number=2):
    key = ec_key(word)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(word)).issuer_name(issuer[1].subject).public_key(key.public_key())
        .serial_number(number).not_valid_before(START).not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, None), True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), False)
    )
    if san:
        names = [x509.UniformResourceIdentifier(u) for u in uris] + [x509.DNSName(d) for d in dns]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if key_usage is not None:
        builder = builder.add_extension(key_usage, critical)
    return key, builder.sign(issuer[0], hashes.SHA256())


ATTESTER = "spiffe://example.org/attester"
cases = []


def case(label, certificate, want=None, error=None):
    entry = {"name": label, "certificate": hexed(certificate.public_bytes(serialization.Encoding.DER))}
    if want is not None:
        entry["want"] = want
    else:
        entry["error"] = error
    cases.append(entry)


case("one URI", leaf("a", [ATTESTER])[1], want=ATTESTER)
case("one URI and a DNS name", leaf("a", [ATTESTER], dns=["a.example.org"])[1], want=ATTESTER)
case("a deep path", leaf("a", ["spiffe://td-1.example_2/a/B-c/d.e_f"])[1], want="spiffe://td-1.example_2/a/B-c/d.e_f")
case("two URIs", leaf("a", [ATTESTER, "spiffe://example.org/other"])[1], error="uriCount")
case("no URI", leaf("a", [], dns=["a.example.org"])[1], error="uriCount")
case("no alternative names", leaf("a", [], san=False)[1], error="uriCount")
case("an authority", leaf("a", [ATTESTER], ca=True)[1], error="authority")
case("no key usage", leaf("a", [ATTESTER], key_usage=None)[1], error="keyUsageMissing")
case("key usage that is not critical", leaf("a", [ATTESTER], critical=False)[1], error="keyUsageMissing")
case("no digitalSignature",
     leaf("a", [ATTESTER], key_usage=x509.KeyUsage(False, True, False, False, False, False, False, False, False))[1],
     error="keyUsage")
case("keyCertSign", leaf("a", [ATTESTER], key_usage=usage(True, True, False))[1], error="keyUsage")
case("cRLSign", leaf("a", [ATTESTER], key_usage=usage(True, False, True))[1], error="keyUsage")
for label, uri in [
    ("another scheme", "https://example.org/attester"), ("no path", "spiffe://example.org"),
    ("an empty path", "spiffe://example.org/"), ("a trailing slash", "spiffe://example.org/a/"),
    ("an empty segment", "spiffe://example.org/a//b"), ("a dot", "spiffe://example.org/a/./b"),
    ("two dots", "spiffe://example.org/a/.."), ("a port", "spiffe://example.org:443/a"),
    ("a user", "spiffe://u@example.org/a"), ("a query", "spiffe://example.org/a?b"),
    ("a fragment", "spiffe://example.org/a#b"), ("capitals in the trust domain", "spiffe://Example.org/a"),
    ("a percent sign", "spiffe://example.org/%61"), ("capitals in the scheme", "SPIFFE://example.org/a"),
    ("a long path", "spiffe://example.org/" + "a" * 2048), ("a long trust domain", "spiffe://" + "a" * 256 + "/a"),
]:
    case(label, leaf("a", [uri])[1], error="uri")
case("a root", ROOT, error="authority")

signer_key, signer = leaf("signer", ["spiffe://example.org/signer"], number=3)
client_key, client = leaf("client", [ATTESTER], number=4)
other_key, other = leaf("other", ["spiffe://example.org/other"], number=5)
two_key, two = leaf("two", [ATTESTER, "spiffe://example.org/b"], number=6)
foreign_key, foreign = leaf("foreign", [ATTESTER], issuer=(OTHER_KEY, OTHER), number=7)
none_key, none = leaf("none", [], dns=["attester.example.org"], number=9)
admin_key, admin = leaf("admin", ["spiffe://example.org/admin"], number=10)
expired_key, expired = leaf("expired", [ATTESTER], end=datetime.datetime(2026, 2, 1), number=8)
tls = {
    "root": pem(ROOT), "otherRoot": pem(OTHER),
    **{
        label: {"certificate": pem(certificate), "key": key_pem(key)}
        for label, key, certificate in [
            ("signer", signer_key, signer), ("client", client_key, client), ("other", other_key, other),
            ("two", two_key, two), ("none", none_key, none),
            ("admin", admin_key, admin),
            ("foreign", foreign_key, foreign), ("expired", expired_key, expired),
        ]
    },
}


def raw(key):
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def handshake():
    label = b"causeway/signer/v1"
    now = 1_800_000_000_000
    client_identity = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    signer_identity = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
    client_fresh = x25519.X25519PrivateKey.from_private_bytes(b"\x04" * 32)
    signer_fresh = x25519.X25519PrivateKey.from_private_bytes(b"\x05" * 32)
    opening = (
        b"\x01\x02" + raw(client_identity.public_key()) + raw(client_fresh.public_key()) + b"\x51" * 32
        + struct.pack(">Q", now)
    )
    challenge = (
        b"\x01\x02" + raw(signer_identity.public_key()) + raw(signer_fresh.public_key()) + b"\x50" * 32
        + struct.pack(">Q", now)
    )
    transcript = hashlib.sha256(label + opening + challenge).digest()
    signature = signer_identity.sign(label + b" signer\0" + transcript)
    transcript = hashlib.sha256(transcript + signature).digest()
    proof = client_identity.sign(label + b" client\0" + transcript)
    transcript = hashlib.sha256(transcript + proof).digest()
    secret = client_fresh.exchange(signer_fresh.public_key())

    def key(word):
        return HKDF(hashes.SHA256(), 32, transcript, label + b" " + word).derive(secret)

    to_signer, to_client = key(b"to signer"), key(b"to client")

    def sealed(kind, mac_key, body):
        return body + hmac.new(mac_key, bytes([kind]) + body, hashlib.sha256).digest()

    session = b"\x03" * 16
    granted = sealed(4, to_client, session + struct.pack(">QIH", now + 900_000, 16, 64))
    request = sealed(5, to_signer, session + struct.pack(">QQ", 1, now) + b"\x01\x02\x03")
    answer = sealed(6, to_client, session + struct.pack(">QQ", 1, now) + b"\x04")
    return {
        "open": hexed(opening), "challenge": hexed(challenge + signature), "prove": hexed(proof),
        "granted": hexed(granted), "request": hexed(request), "answer": hexed(answer),
    }


def write(file, schema, content):
    OUT.mkdir(parents=True, exist_ok=True)
    document = {"schema": schema, "source": "tools/vectors/signer_wire.py", **content}
    (OUT / file).write_text(json.dumps(document, indent=1) + "\n")


write("certificates.json", "causeway.signer-certificates/1", {"cases": cases})
write("tls.json", "causeway.signer-tls/1", tls)
write("handshake.json", "causeway.signer-handshake/1", handshake())
