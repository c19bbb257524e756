"""Makes Tests/Vectors/attestation/{nitro,sev-snp}.json: documents and reports under authorities of this script, one
case for each rule, with what a verifier must say.

Certificates, lists and signatures are made by cryptography, CBOR by cbor2. The RSA keys are new in every run, so the
files change whole:
    python3 tools/vectors/attestation_nitro_snp.py
"""

import datetime
import hashlib
import json
import pathlib

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID, ObjectIdentifier

OUT = pathlib.Path(__file__).parents[2] / "Tests/Vectors/attestation"
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
NOW = 1_750_000_000
HOUR = 3600
DAY = 24 * HOUR


def when(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def key(label, curve=ec.SECP384R1()):
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(label.encode()).digest(), "big"), curve)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def certificate(subject, public, issuer, signer, start, end, ca=None, path=None, usage=None, extra=(), rsa_pss=False,
                serial=7, extended=None, hash=hashes.SHA384()):
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public)
        .serial_number(serial).not_valid_before(when(start)).not_valid_after(when(end)))
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path), critical=True)
    if usage is not None:
        flags = dict.fromkeys([
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"], False)
        flags.update({flag: True for flag in usage})
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    for oid, critical, value in extra:
        builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(oid), value), critical)
    if rsa_pss:
        return builder.sign(signer, hash, rsa_padding=padding.PSS(padding.MGF1(hash), hash.digest_size))
    if isinstance(signer, ec.EllipticCurvePrivateKey):
        return builder.sign(signer, hash, ecdsa_deterministic=True)
    return builder.sign(signer, hash)


def revocation_list(issuer, signer, serials, start, end, rsa_pss=False):
    builder = x509.CertificateRevocationListBuilder().issuer_name(name(issuer))
    builder = builder.last_update(when(start)).next_update(when(end))
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when(start)).build())
    if rsa_pss:
        made = builder.sign(signer, hashes.SHA384(), rsa_padding=padding.PSS(padding.MGF1(hashes.SHA384()), 48))
    else:
        made = builder.sign(signer, hashes.SHA384())
    return made.public_bytes(serialization.Encoding.DER)


def hx(data):
    return "0x" + bytes(data).hex()


def policy_hash(policy):
    text = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    return hx(hashlib.sha256(b"causeway/attestation-policy/v1" + text.encode()).digest())


SHARED = []


def shared(data):
    """The number of a certificate in the file's table, so that those of authorities are written once."""
    if hx(data) not in SHARED:
        SHARED.append(hx(data))
    return SHARED.index(hx(data))


# ---------------------------------------------------------------------------------------------------- Nitro

ROOT, MIDDLE, LEAF, OTHER = key("nitro root"), key("nitro middle"), key("nitro leaf"), key("nitro other")
CA = ["key_cert_sign", "crl_sign"]


class Nitro:
    """A document that is right, whose parts a case may change before it is made."""

    def __init__(self):
        self.start, self.end = NOW - HOUR, NOW + 2 * HOUR
        self.leaf_options = dict(ca=False, usage=["digital_signature"])
        self.middle_options = dict(ca=True, path=0, usage=CA)
        self.root_options = dict(ca=True, path=1, usage=CA)
        self.leaf_issuer, self.leaf_signer, self.leaf_key = "middle", MIDDLE, LEAF
        self.middle_name = "middle"
        self.root_key, self.root_signer = ROOT, ROOT
        self.middle_window = (NOW - DAY, NOW + DAY)
        self.header = cbor2.dumps({1: -35})
        self.unprotected = {}
        self.pcrs = {index: bytes([index + 1]) * 48 for index in range(16)}
        self.fields = {
            "module_id": "i-0123-enc0123", "digest": "SHA384", "timestamp": NOW * 1000 + 250,
            "public_key": None, "user_data": b"\x5a" * 64, "nonce": b"challenge"}
        self.drop, self.add = [], {}
        self.bundle = None
        self.indefinite = False
        self.payload_hook = lambda payload: payload
        self.signature_hook = lambda r, s: (r, s)
        self.signed_hook = lambda payload: payload
        self.tag = False
        self.tail = b""

    def document(self):
        root = certificate("root", self.root_key.public_key(), "root", self.root_signer, NOW - 900 * DAY,
                           NOW + 900 * DAY, serial=1, **self.root_options)
        middle = certificate(self.middle_name, MIDDLE.public_key(), "root", self.root_key, *self.middle_window,
                             serial=2, **self.middle_options)
        leaf = certificate("leaf", self.leaf_key.public_key(), self.leaf_issuer, self.leaf_signer, self.start,
                           self.end, serial=3, **self.leaf_options)
        payload = dict(self.fields)
        payload["pcrs"] = self.pcrs
        payload["certificate"] = der(leaf)
        payload["cabundle"] = [der(root), der(middle)] if self.bundle is None else self.bundle(der(root), der(middle))
        for field in self.drop:
            del payload[field]
        payload.update(self.add)
        if self.indefinite:
            encoded = b"\xbf" + b"".join(cbor2.dumps(k) + cbor2.dumps(v) for k, v in payload.items()) + b"\xff"
        else:
            encoded = cbor2.dumps(payload)
        encoded = self.payload_hook(encoded)
        to_sign = cbor2.dumps(["Signature1", self.header, b"", self.signed_hook(encoded)])
        # ES384 whatever the leaf's curve is: a key of another curve is refused before its signature is looked at.
        signer = self.leaf_key if isinstance(self.leaf_key.curve, ec.SECP384R1) else OTHER
        r, s = decode_dss_signature(signer.sign(to_sign, ec.ECDSA(hashes.SHA384(), deterministic_signing=True)))
        r, s = self.signature_hook(r, s)
        parts = [self.header, self.unprotected, encoded, r.to_bytes(48, "big") + s.to_bytes(48, "big")]
        message = cbor2.dumps(cbor2.CBORTag(18, parts) if self.tag else parts)
        return message + self.tail, hashlib.sha256(encoded).digest(), root


def nitro_policy(measurements=None, **more):
    nitro = {"measurements": [{"0": hx(b"\1" * 48), "2": hx(b"\3" * 48)}] if measurements is None else measurements}
    nitro.update({k: v for k, v in more.items() if k in ("allowDebug", "requireRevocation")})
    policy = {"schema": "causeway-attestation-policy/1", "production": True, "nitro": nitro}
    policy.update({k: v for k, v in more.items() if k not in ("allowDebug", "requireRevocation")})
    return policy


NITRO_CASES = []


def nitro(case, error=None, at=NOW + 10, live=True, policy=None, lists=(), change=None, want=None):
    made = Nitro()
    policy = policy or nitro_policy()
    if change is not None:
        change(made)
    document, identity, root = made.document()
    row = {
        "name": case, "statement": hx(document), "revocationLists": [hx(item) for item in lists], "at": at,
        "live": live, "policy": policy, "policyHash": policy_hash(policy)}
    if error is None:
        row["want"] = {
            "identity": hx(identity), "reportData": hx(made.fields["user_data"] or b""),
            "nonce": hx(made.fields["nonce"]) if made.fields["nonce"] is not None else None,
            "boundKey": hx(made.fields["public_key"]) if made.fields["public_key"] else None,
            "issued": made.fields["timestamp"] // 1000, "expires": made.end, "debug": False}
        row["want"].update(want or {})
    else:
        row["error"] = "nitro." + error if not error.startswith("!") else error[1:]
    NITRO_CASES.append(row)
    return root


def set_(**values):
    def change(made):
        for field, value in values.items():
            setattr(made, field, value)
    return change


def field(**values):
    return lambda made: made.fields.update(values)


ROOT_CERTIFICATE = nitro("definite map")
nitro("indefinite map", change=set_(indefinite=True))
nitro("tag 18", change=set_(tag=True))
nitro("absent fields left out instead of null", change=set_(drop=["public_key"]))
nitro("no nonce and no user data", change=field(nonce=None, user_data=None))
nitro("empty user data", change=field(user_data=b""))
nitro("public key of 1024 bytes", change=field(public_key=b"\7" * 1024))
nitro("user data of 1024 bytes", change=field(user_data=b"\7" * 1024))
nitro("first second of the leaf", at=NOW - HOUR, live=False,
      change=lambda made: made.fields.update(timestamp=(NOW - HOUR) * 1000))
nitro("last second of the leaf", at=NOW + 2 * HOUR)
nitro("twin signature", change=set_(signature_hook=lambda r, s: (r, P384_ORDER - s)))
nitro("second allowed set fits",
      policy=nitro_policy([{"0": hx(b"\0" * 48)}, {"8": hx(b"\x09" * 48)}]))
nitro("nonce and report data asked for", policy=nitro_policy(nonce=hx(b"challenge"), reportData=hx(b"\x5a" * 64)))
nitro("age asked for and kept", policy=nitro_policy(maximumAgeSeconds=10))
nitro("age is not asked for in archival", at=NOW + HOUR, live=False, policy=nitro_policy(maximumAgeSeconds=10))
nitro("drift allowed", at=NOW - 5, policy=nitro_policy(maximumDriftSeconds=5))
ZERO = lambda made: made.pcrs.update({0: bytes(48), 1: bytes(48), 2: bytes(48)})
nitro("debug allowed", change=ZERO, policy=nitro_policy([{"3": hx(b"\4" * 48)}], allowDebug=True),
      want={"debug": True})

nitro("debug", "debug", change=ZERO, policy=nitro_policy([{"3": hx(b"\4" * 48)}]))
nitro("debug with zero registers allowed", "debug", change=ZERO, policy=nitro_policy([{"0": hx(bytes(48))}]))
nitro("only PCR0 zero", "debug", change=lambda made: made.pcrs.update({0: bytes(48)}),
      policy=nitro_policy([{"3": hx(b"\4" * 48)}]))
nitro("empty list of measurements", "measurements", policy=nitro_policy([]))
nitro("another image", "measurements", policy=nitro_policy([{"0": hx(b"\2" * 48)}]))
nitro("one register of a set differs", "measurements",
      policy=nitro_policy([{"0": hx(b"\1" * 48), "8": hx(b"\1" * 48)}]))
nitro("register that the document lacks", "measurements", policy=nitro_policy([{"31": hx(bytes(48))}]))
nitro("nonce differs", "!nonce", policy=nitro_policy(nonce=hx(b"other")))
nitro("nonce absent", "!nonce", change=field(nonce=None), policy=nitro_policy(nonce=hx(b"challenge")))
nitro("report data differs", "!reportData", policy=nitro_policy(reportData=hx(b"\x5b" * 64)))
nitro("too old", "!tooOld", at=NOW + 11, policy=nitro_policy(maximumAgeSeconds=10))
nitro("from the future", "!issuedInFuture", at=NOW - 6, policy=nitro_policy(maximumDriftSeconds=5))
nitro("expired by a second", "chain.expired", at=NOW + 2 * HOUR + 1)
nitro("archived and verified live a year later", "chain.expired", at=NOW + 365 * DAY)
nitro("before the leaf", "chain.notYetValid", at=NOW - HOUR - 1, live=False)
nitro("middle expired", "chain.expired", change=set_(middle_window=(NOW - DAY, NOW)))
nitro("document older than its certificate", "timestampBeforeCertificate",
      change=field(timestamp=(NOW - HOUR) * 1000 - 1))
nitro("document younger than its certificate", "timestampAfterCertificate",
      change=field(timestamp=(NOW + 2 * HOUR) * 1000 + 1000))
nitro("another root", "chain.root", change=set_(root_key=OTHER, root_signer=OTHER))
nitro("root last instead of first", "chain.root", change=set_(bundle=lambda root, middle: [middle, root]))
nitro("root alone in the bundle", "chain.names", change=set_(bundle=lambda root, middle: [root]))
nitro("middle twice", "chain.names", change=set_(bundle=lambda root, middle: [root, middle, middle]))
nitro("root twice", "chain.repeated", change=set_(bundle=lambda root, middle: [root, root, middle]))
nitro("leaf signed by another", "chain.signature.ecdsa.mismatch", change=set_(leaf_signer=OTHER))
nitro("leaf names another issuer", "chain.names", change=set_(leaf_issuer="muddle"))
nitro("middle is no authority", "chain.notAuthority", change=set_(middle_options=dict(ca=False, usage=CA)))
nitro("middle without basic constraints", "chain.notAuthority", change=set_(middle_options=dict(usage=CA)))
nitro("middle may not sign certificates", "chain.usage",
      change=set_(middle_options=dict(ca=True, path=0, usage=["crl_sign"])))
nitro("root admits no authority below", "chain.root", change=set_(root_options=dict(ca=True, path=0, usage=CA)))
SUB = certificate("sub", OTHER.public_key(), "middle", MIDDLE, NOW - DAY, NOW + DAY, ca=True, usage=CA, serial=5)
SUB_CHANGE = dict(leaf_issuer="sub", leaf_signer=OTHER, bundle=lambda root, middle: [root, middle, der(SUB)])
nitro("path length of the middle", "chain.pathLength", change=set_(**SUB_CHANGE))
nitro("path length of the root", "chain.pathLength",
      change=set_(middle_options=dict(ca=True, usage=CA), **SUB_CHANGE))
nitro("leaf may not sign", "chain.usage", change=set_(leaf_options=dict(ca=False, usage=["key_agreement"])))
nitro("leaf is an authority", "chain.leafIsAuthority",
      change=set_(leaf_options=dict(ca=True, usage=["digital_signature"])))
nitro("unknown critical extension", "chain.unknownCriticalExtension",
      change=set_(leaf_options=dict(ca=False, usage=["digital_signature"], extra=[("1.2.3.4", True, b"\5\0")])))
nitro("leaf on P-256", "leafKey", change=set_(leaf_key=key("small", ec.SECP256R1())))
nitro("payload changed", "signature.mismatch", change=set_(signed_hook=lambda payload: payload[:-1] + b"\0"))
nitro("s is zero", "signature.sZero", change=set_(signature_hook=lambda r, s: (r, 0)))
nitro("s over the order", "signature.sOverflow", change=set_(signature_hook=lambda r, s: (r, P384_ORDER)))
nitro("ES256 in the header", "algorithm", change=set_(header=cbor2.dumps({1: -7})))
nitro("a second protected parameter", "algorithm", change=set_(header=cbor2.dumps({1: -35, 4: b"x"})))
nitro("empty protected header", "algorithm", change=set_(header=b""))
nitro("unprotected parameter", "unprotectedHeader", change=set_(unprotected={4: b"x"}))
nitro("trailing byte", "cose.cbor.trailingBytes", change=set_(tail=b"\0"))
nitro("trailing byte in the payload", "payload.trailingBytes",
      change=set_(payload_hook=lambda payload: payload + b"\0"))
nitro("payload is no map", "notMap", change=set_(payload_hook=lambda payload: cbor2.dumps([1])))
nitro("member twice", "payload.duplicateKey", change=set_(
    indefinite=True, payload_hook=lambda payload: payload[:-1] + cbor2.dumps("digest") + cbor2.dumps("SHA384") + b"\xff"))
nitro("unknown member", "unknownField", change=set_(add={"extra": 1}))
for missing in ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"]:
    nitro("without " + missing, "missing", change=set_(drop=[missing]))
    nitro("null " + missing, "missing", change=set_(add={missing: None}))
nitro("empty module id", "length", change=field(module_id=""))
nitro("another digest", "digestName", change=field(digest="SHA512"))
nitro("timestamp zero", "type", change=field(timestamp=0))
nitro("timestamp negative", "type", change=field(timestamp=-1))
nitro("timestamp of 64 bits", "type", change=field(timestamp=2**64 - 1))
nitro("public key empty", "length", change=field(public_key=b""))
nitro("public key of 1025 bytes", "length", change=field(public_key=b"\7" * 1025))
nitro("user data of 1025 bytes", "length", change=field(user_data=b"\7" * 1025))
nitro("nonce of 1025 bytes", "length", change=field(nonce=b"\7" * 1025))
nitro("nonce is text", "type", change=field(nonce="challenge"))
nitro("empty bundle", "length", change=set_(bundle=lambda root, middle: []))
nitro("bundle of nine", "length", change=set_(bundle=lambda root, middle: [root] * 9))
nitro("bundle with an empty certificate", "length", change=set_(bundle=lambda root, middle: [root, b""]))
nitro("certificate that is none", "certificate.der.malformed", change=set_(bundle=lambda root, middle: [root, b"\1"]))
nitro("no registers", "length", change=set_(pcrs={}))
nitro("register 32", "pcrIndex", change=lambda made: made.pcrs.update({32: bytes(48)}))
nitro("register -1", "pcrIndex", change=lambda made: made.pcrs.update({-1: bytes(48)}))
nitro("register of 47 bytes", "pcrLength", change=lambda made: made.pcrs.update({5: bytes(47)}))
nitro("without PCR2", "pcrAbsent", change=lambda made: made.pcrs.pop(2))
nitro("platform that the policy does not name", "!platformNotNamed",
      policy={"schema": "causeway-attestation-policy/1", "production": True})

MIDDLE_LIST = revocation_list("middle", MIDDLE, [], NOW - HOUR, NOW + HOUR)
ROOT_LIST = revocation_list("root", ROOT, [99], NOW - HOUR, NOW + 3 * HOUR)
nitro("lists of both authorities", lists=[MIDDLE_LIST, ROOT_LIST], policy=nitro_policy(requireRevocation=True),
      want={"expires": NOW + HOUR - 1})
nitro("lists required and absent", "revocation.noList", policy=nitro_policy(requireRevocation=True))
nitro("leaf revoked", "revocation.revoked", lists=[revocation_list("middle", MIDDLE, [3], NOW - HOUR, NOW + HOUR)])
nitro("middle revoked", "revocation.revoked", lists=[revocation_list("root", ROOT, [2], NOW - HOUR, NOW + HOUR)])
nitro("list signed by another", "revocation.signature.ecdsa.mismatch",
      lists=[revocation_list("root", OTHER, [], NOW - HOUR, NOW + HOUR)])
nitro("list expired", "revocation.expired", lists=[revocation_list("root", ROOT, [], NOW - 2 * DAY, NOW - DAY)])


# ---------------------------------------------------------------------------------------------------- SEV-SNP

AMD = "1.3.6.1.4.1.3704.1."
CHIP = bytes(range(64))
TCB = dict(fmc=1, boot=4, tee=2, snp=22, ucode=213)
CHIP_KEY = key("vcek")
RSA_KEYS = {label: rsa.generate_private_key(65537, 2048) for label in ["ark", "ask", "asvk", "other"]}
PRODUCTS = {"milan": "Milan-B0", "genoa": "Genoa", "turin": "Turin"}


def small(number):
    return b"\2\1" + bytes([number]) if number < 128 else b"\2\2\0" + bytes([number])


def ia5(text):
    return b"\x16" + bytes([len(text)]) + text.encode()


AUTHORITIES = {}
for product in PRODUCTS:
    window = (NOW - 900 * DAY, NOW + 900 * DAY)
    options = dict(rsa_pss=True, ca=True, usage=CA)
    ark = certificate("ARK-" + product, RSA_KEYS["ark"].public_key(), "ARK-" + product, RSA_KEYS["ark"], *window,
                      serial=1, **options)
    ask = certificate("SEV-" + product, RSA_KEYS["ask"].public_key(), "ARK-" + product, RSA_KEYS["ark"], *window,
                      serial=2, path=0, **options)
    asvk = certificate("SEV-VLEK-" + product, RSA_KEYS["asvk"].public_key(), "ARK-" + product, RSA_KEYS["ark"],
                       *window, serial=3, path=0, **options)
    AUTHORITIES[product] = dict(ark=ark, ask=ask, asvk=asvk)
OTHER_ASK = certificate("SEV-milan", RSA_KEYS["other"].public_key(), "ARK-milan", RSA_KEYS["ark"], NOW - DAY,
                        NOW + DAY, rsa_pss=True, ca=True, usage=CA, serial=4)


def tcb_bytes(product, tcb):
    if product == "turin":
        return bytes([tcb["fmc"], tcb["boot"], tcb["tee"], tcb["snp"], 0, 0, 0, tcb["ucode"]])
    return bytes([tcb["boot"], tcb["tee"], 0, 0, 0, 0, tcb["snp"], tcb["ucode"]])


class Report:
    def __init__(self, product="milan", version=2, kind="vcek"):
        self.product, self.version, self.kind = product, version, kind
        self.tcb = {which: dict(TCB) for which in ["certified", "current", "reported", "committed", "launch"]}
        self.policy = 0x30000
        self.vmpl, self.key_information, self.algorithm = 0, 4 if kind == "vlek" else 0, 1
        self.cpuid = {"milan": (0x19, 1, 1), "genoa": (0x19, 0x11, 1), "turin": (0x1A, 2, 1)}[product]
        self.chip = CHIP if product != "turin" else CHIP[:8] + bytes(56)
        self.hardware = CHIP if product != "turin" else CHIP[:8]
        if kind == "vlek":
            self.chip = bytes(64)
        self.patch = {}
        self.after = {}
        self.leaf_options, self.leaf_drop, self.leaf_change = {}, [], {}
        self.leaf_window = (NOW - DAY, NOW + 30 * DAY)
        self.leaf_signer = RSA_KEYS["ask" if kind == "vcek" else "asvk"]
        self.leaf_key = CHIP_KEY
        self.signer = CHIP_KEY
        self.chain = lambda leaf, issuer, ark: [leaf, issuer, ark]
        self.issuer = AUTHORITIES[product]["ask" if kind == "vcek" else "asvk"]
        self.leaf_pss, self.leaf_hash = True, hashes.SHA384()

    def report(self):
        r = bytearray(1184)
        r[0:4] = self.version.to_bytes(4, "little")
        r[4:8] = (5).to_bytes(4, "little")
        r[8:16] = self.policy.to_bytes(8, "little")
        r[0x10:0x20], r[0x20:0x30] = b"\xf1" * 16, b"\x1d" * 16
        r[0x30:0x34] = self.vmpl.to_bytes(4, "little")
        r[0x34:0x38] = self.algorithm.to_bytes(4, "little")
        r[0x38:0x40] = tcb_bytes(self.product, self.tcb["current"])
        r[0x40:0x48] = (3).to_bytes(8, "little")
        r[0x48:0x4C] = self.key_information.to_bytes(4, "little")
        r[0x50:0x90], r[0x90:0xC0], r[0xC0:0xE0] = b"\xda" * 64, b"\x3e" * 48, b"\x40" * 32
        r[0xE0:0x110], r[0x110:0x140], r[0x140:0x160] = b"\x1d" * 48, b"\xa0" * 48, b"\x9d" * 32
        r[0x160:0x180] = b"\xff" * 32
        r[0x180:0x188] = tcb_bytes(self.product, self.tcb["reported"])
        if self.version >= 3:
            r[0x188:0x18B] = bytes(self.cpuid)
        r[0x1A0:0x1E0] = self.chip
        r[0x1E0:0x1E8] = tcb_bytes(self.product, self.tcb["committed"])
        r[0x1E8:0x1EB], r[0x1EC:0x1EF] = bytes([9, 55, 1]), bytes([9, 55, 1])
        r[0x1F0:0x1F8] = tcb_bytes(self.product, self.tcb["launch"])
        if self.version >= 5:
            r[0x1F8:0x208] = b"\1" + bytes(7) + b"\1" + bytes(7)
        for offset, value in self.patch.items():
            r[offset] = value
        a, b = decode_dss_signature(
            self.signer.sign(bytes(r[:0x2A0]), ec.ECDSA(hashes.SHA384(), deterministic_signing=True)))
        r[0x2A0:0x2E8], r[0x2E8:0x330] = a.to_bytes(72, "little"), b.to_bytes(72, "little")
        for offset, value in self.after.items():
            r[offset] = value
        return bytes(r)

    def leaf(self):
        certified = self.tcb["certified"]
        extra = {
            "1": small(1), "2": ia5(PRODUCTS[self.product]), "3.1": small(certified["boot"]),
            "3.2": small(certified["tee"]), "3.3": small(certified["snp"]), "3.4": small(0), "3.5": small(0),
            "3.6": small(0), "3.7": small(0), "3.8": small(certified["ucode"])}
        if self.product == "turin":
            extra["3.9"] = small(certified["fmc"])
            del extra["3.4"]
        if self.kind == "vcek":
            extra["4"] = self.hardware
        else:
            extra["5"] = ia5("CN=cloud")
        extra.update(self.leaf_change)
        for oid in self.leaf_drop:
            del extra[oid]
        return certificate(
            "SEV-" + self.kind.upper(), self.leaf_key.public_key(),
            ("SEV-" if self.kind == "vcek" else "SEV-VLEK-") + self.product, self.leaf_signer, *self.leaf_window,
            rsa_pss=self.leaf_pss, hash=self.leaf_hash, extra=[(AMD + oid, False, value) for oid, value in extra.items()], **self.leaf_options)


MINIMA = {
    "milan": dict(bootLoader=4, tee=2, snp=22, microcode=213),
    "genoa": dict(bootLoader=4, tee=2, snp=22, microcode=213),
    "turin": dict(fmc=1, bootLoader=4, tee=2, snp=22, microcode=213)}


def snp_policy(products=None, **more):
    part = {
        "measurements": [{"measurement": hx(b"\x3e" * 48)}], "products": products if products is not None else MINIMA,
        "endorsements": ["vcek", "vlek"], "vmpls": [0]}
    outer = {k: more.pop(k) for k in list(more) if k in ("nonce", "reportData", "maximumAgeSeconds")}
    part.update(more)
    return {"schema": "causeway-attestation-policy/1", "production": True, "sev-snp": part, **outer}


SNP_CASES = []


def snp(case, error=None, product="milan", version=2, kind="vcek", at=NOW, live=True, policy=None, lists=(),
        change=None, want=None):
    made = Report(product, version, kind)
    policy = policy or snp_policy()
    if change is not None:
        change(made)
    report = made.report()
    certificates = made.chain(made.leaf(), made.issuer, AUTHORITIES[product]["ark"])
    row = {
        "name": case, "statement": hx(report), "certificates": [shared(der(item)) for item in certificates],
        "revocationLists": [hx(item) for item in lists], "at": at, "live": live, "policy": policy,
        "policyHash": policy_hash(policy)}
    if error is None:
        row["want"] = {
            "identity": hx(hashlib.sha256(report[:0x2A0]).digest()), "reportData": hx(b"\xda" * 64), "nonce": None,
            "boundKey": None, "issued": None, "expires": made.leaf_window[1], "debug": False}
        row["want"].update(want or {})
    else:
        row["error"] = "sevSNP." + error if not error.startswith("!") else error[1:]
    SNP_CASES.append(row)


def tcb(**values):
    """tcb(reported_snp=3) sets one part of one TCB."""
    def change(made):
        for target, number in values.items():
            which, part = target.split("_")
            made.tcb[which][part] = number
    return change


for product, version in [("milan", 2), ("milan", 3), ("genoa", 3), ("turin", 3), ("turin", 5)]:
    for kind in ["vcek", "vlek"]:
        snp(f"{product} {kind} version {version}", product=product, version=version, kind=kind)
snp("current and committed ahead of reported",
    change=tcb(current_snp=25, committed_snp=24, launch_snp=25))
snp("chip masked and allowed", change=set_(chip=bytes(64)), policy=snp_policy(allowMaskedChip=True))
snp("chip allowed by name", policy=snp_policy(chips=[hx(CHIP)]))
snp("all of the guest named", policy=snp_policy(measurements=[{
    "measurement": hx(b"\x3e" * 48), "hostData": hx(b"\x40" * 32), "idKeyDigest": hx(b"\x1d" * 48),
    "authorKeyDigest": hx(b"\xa0" * 48), "familyId": hx(b"\xf1" * 16), "imageId": hx(b"\x1d" * 16)}]))
snp("report data asked for", policy=snp_policy(reportData=hx(b"\xda" * 64), maximumAgeSeconds=10))
snp("debug allowed", change=set_(policy=0xB0000), policy=snp_policy(allowDebug=True), want={"debug": True})
snp("leaf signed in PKCS #1 v1.5 with SHA-256", change=set_(leaf_pss=False, leaf_hash=hashes.SHA256()))
snp("leaf signed in PKCS #1 v1.5 with SHA-384", change=set_(leaf_pss=False))
snp("leaf signed in PKCS #1 v1.5 with SHA-512", change=set_(leaf_pss=False, leaf_hash=hashes.SHA512()))
snp("leaf signed in PSS with SHA-256", change=set_(leaf_hash=hashes.SHA256()))
snp("guest version and interface asked for", change=set_(policy=0x30137),
    policy=snp_policy(minimumGuestSVN=5, minimumABI={"major": 1, "minor": 55}))

snp("debug", "debug", change=set_(policy=0xB0000))
snp("migration agent", "migrationAgent", change=set_(policy=0x70000))
snp("multithreading", "multithreading", policy=snp_policy(requireNoMultithreading=True))
snp("sockets", "sockets", policy=snp_policy(requireSingleSocket=True))
snp("bit 17 of the policy clear", "policyReserved", change=set_(policy=0x10000))
snp("bit 26 of the policy set", "policyReserved", change=set_(policy=0x4030000))
snp("asked for at VMPL 1", "vmpl", change=set_(vmpl=1))
snp("asked for by the host", "vmpl", change=set_(vmpl=0xFFFFFFFF))
snp("no privilege level allowed", "vmpl", policy=snp_policy(vmpls=[]))
snp("interface too old", "abi", change=set_(policy=0x30136),
    policy=snp_policy(minimumABI={"major": 1, "minor": 55}))
snp("guest too old", "guestSVN", policy=snp_policy(minimumGuestSVN=6))
snp("chip key masked", "chipKeyMasked", change=set_(key_information=2))
snp("signed by nothing", "signingKey", change=set_(key_information=7 << 2))
snp("signing key reserved", "signingKey", change=set_(key_information=2 << 2))
snp("reserved key information", "keyInformation", change=set_(key_information=1 << 5))
snp("VLEK said, VCEK given", "signingKey", change=set_(key_information=4))
snp("VCEK said, VLEK given", "signingKey", kind="vlek", change=set_(key_information=0))
snp("VLEK not allowed", "endorsementNotAllowed", kind="vlek", policy=snp_policy(endorsements=["vcek"]))
snp("nothing allowed", "endorsementNotAllowed", policy=snp_policy(endorsements=[]))
snp("another algorithm", "signatureAlgorithm", change=set_(algorithm=2))
snp("version 1", "version", version=1)
snp("version 6", "version", version=6)
snp("no certificate", "noEndorsement", change=set_(chain=lambda leaf, issuer, ark: []))
snp("issuer not carried and not known", "noIssuer", change=set_(chain=lambda leaf, issuer, ark: [leaf]))
snp("without the root", "chain.length", change=set_(chain=lambda leaf, issuer, ark: [leaf, issuer]))
snp("issuer not pinned", "issuer",
    change=lambda made: (setattr(made, "issuer", OTHER_ASK), setattr(made, "leaf_signer", RSA_KEYS["other"])))
snp("VCEK issued by the VLEK's authority", "endorsementKind", change=lambda made: (
    setattr(made, "issuer", AUTHORITIES["milan"]["asvk"]), setattr(made, "leaf_signer", RSA_KEYS["asvk"]),
    setattr(made, "leaf", lambda leaf=made: certificate(
        "SEV-VCEK", CHIP_KEY.public_key(), "SEV-VLEK-milan", RSA_KEYS["asvk"], NOW - DAY, NOW + DAY, rsa_pss=True,
        extra=[(AMD + oid, False, value) for oid, value in {
            "2": ia5("Milan-B0"), "3.1": small(4), "3.2": small(2), "3.3": small(22), "3.8": small(213),
            "4": CHIP}.items()]))))
snp("issuer of another product", "chain.names", change=set_(
    chain=lambda leaf, issuer, ark: [leaf, AUTHORITIES["genoa"]["ask"], AUTHORITIES["genoa"]["ark"]]))
snp("root of another product", "chain.root",
    change=set_(chain=lambda leaf, issuer, ark: [leaf, issuer, AUTHORITIES["genoa"]["ark"]]))
snp("leaf signed by another", "chain.signature.rsaPSS.mismatch", change=set_(leaf_signer=RSA_KEYS["other"]))
snp("leaf signed in PKCS #1 v1.5 by another", "chain.signature.rsaPKCS1.mismatch", change=lambda made: setattr(
    made, "leaf", lambda: certificate("SEV-VCEK", CHIP_KEY.public_key(), "SEV-milan", RSA_KEYS["other"], NOW - DAY,
                                      NOW + DAY)))
snp("leaf expired", "chain.expired", at=NOW + 30 * DAY + 1)
snp("leaf not in force yet", "chain.notYetValid", at=NOW - DAY - 1)
snp("key on P-256", "endorsementKey", change=set_(leaf_key=key("small", ec.SECP256R1())))
snp("report signed by another key", "signature.mismatch", change=set_(signer=key("another vcek")))
for oid in ["2", "3.1", "3.2", "3.3", "3.8"]:
    snp("certificate without " + oid, "extensionMissing", change=set_(leaf_drop=[oid]))
snp("certificate without chip or cloud", "endorsementKind", change=set_(leaf_drop=["4"]))
snp("certificate with chip and cloud", "endorsementKind", change=set_(leaf_change={"5": ia5("CN=cloud")}))
snp("certificate of a chip with 8 bytes before Turin", "extensionValue", change=set_(hardware=CHIP[:8]))
snp("certificate with FMC before Turin", "extensionValue", change=set_(leaf_change={"3.9": small(1)}))
snp("certificate without FMC on Turin", "extensionMissing", product="turin", version=5,
    change=set_(leaf_drop=["3.9"]))
snp("certificate with a version of two bytes", "extensionValue", change=set_(leaf_change={"3.1": b"\2\2\1\4"}))
snp("certificate with a negative version", "extensionValue", change=set_(leaf_change={"3.1": b"\2\1\xff"}))
snp("certificate with a long integer", "extensionValue", change=set_(leaf_change={"3.1": b"\2\2\0\4"}))
snp("certificate with a reserved version", "extensionValue", change=set_(leaf_change={"3.4": small(1)}))
snp("certificate of another product's name", "productName", change=set_(leaf_change={"2": ia5("Genoa")}))
snp("processor of another product", "product", version=3, change=set_(cpuid=(0x19, 0x11, 1)))
snp("processor unknown", "product", version=3, change=set_(cpuid=(0x17, 1, 1)))
for part in ["boot", "tee", "snp", "ucode"]:
    snp(f"certificate's {part} differs", "tcbDiffers", change=tcb(**{"certified_" + part: 1}))
snp("certificate's FMC differs", "tcbDiffers", product="turin", version=5, change=tcb(certified_fmc=0))
snp("reported ahead of committed", "tcbOrder", change=tcb(committed_snp=21))
snp("committed ahead of current", "tcbOrder", change=tcb(committed_ucode=214))
snp("reported under the minimum", "tcbTooOld", policy=snp_policy({"milan": dict(MINIMA["milan"], snp=23)}))
snp("launched under the minimum", "tcbTooOld", change=tcb(launch_ucode=212))
snp("FMC under the minimum", "tcbTooOld", product="turin", version=5,
    policy=snp_policy({"turin": dict(MINIMA["turin"], fmc=2)}))
snp("product not allowed", "productNotAllowed", policy=snp_policy({"genoa": MINIMA["genoa"]}))
snp("no product allowed", "productNotAllowed", policy=snp_policy({}))
snp("another chip", "chipID", change=set_(chip=bytes(reversed(CHIP))))
snp("Turin's chip with more than 8 bytes", "chipID", product="turin", version=5, change=set_(chip=CHIP))
snp("chip masked", "chipMasked", change=set_(chip=bytes(64)))
snp("chip masked under a list of chips", "chipMasked", kind="vlek", policy=snp_policy(chips=[hx(CHIP)]))
snp("chip not in the list", "chipNotAllowed", policy=snp_policy(chips=[hx(b"\1" * 64)]))
snp("empty list of chips", "chipNotAllowed", policy=snp_policy(chips=[]))
snp("empty list of measurements", "measurements", policy=snp_policy(measurements=[]))
snp("another measurement", "measurements", policy=snp_policy(measurements=[{"measurement": hx(b"\x3f" * 48)}]))
snp("other host data", "measurements", policy=snp_policy(
    measurements=[{"measurement": hx(b"\x3e" * 48), "hostData": hx(b"\x41" * 32)}]))
snp("report data differs", "!reportData", policy=snp_policy(reportData=hx(b"\xdb" * 64)))
snp("age asked for, which no report tells", "!ageUnknown", policy=snp_policy(maximumAgeSeconds=10))
snp("nonce asked for, which no report has", "!nonce", policy=snp_policy(nonce=hx(b"challenge")))
for offset in [0x4C, 0x188, 0x19F, 0x1EB, 0x1EF, 0x1F8, 0x29F]:
    snp(f"reserved byte {offset:#x}", "notZero", change=set_(patch={offset: 1}))
snp("reserved byte 0x18b in version 3", "notZero", version=3, change=set_(patch={0x18B: 1}))
snp("reserved byte 0x208 in version 5", "notZero", product="turin", version=5, change=set_(patch={0x208: 1}))
snp("reserved byte of a TCB", "tcbReserved", change=set_(patch={0x182: 1}))
snp("reserved byte behind the signature", "notZero", change=set_(after={0x49F: 1}))
snp("r wider than P-384", "signatureWidth", change=set_(after={0x2A0 + 48: 1}))
snp("s wider than P-384", "signatureWidth", change=set_(after={0x2E8 + 71: 1}))

ARK_LIST = revocation_list("ARK-milan", RSA_KEYS["ark"], [9], NOW - DAY, NOW + DAY, rsa_pss=True)
snp("list of the root", lists=[ARK_LIST], policy=snp_policy(requireRevocation=True), want={"expires": NOW + DAY - 1})
snp("list required and absent", "revocation.noList", policy=snp_policy(requireRevocation=True))
snp("signing key revoked", "revocation.revoked",
    lists=[revocation_list("ARK-milan", RSA_KEYS["ark"], [2], NOW - DAY, NOW + DAY, rsa_pss=True)])
snp("list signed by another", "revocation.signature.rsaPSS.mismatch",
    lists=[revocation_list("ARK-milan", RSA_KEYS["other"], [], NOW - DAY, NOW + DAY, rsa_pss=True)])
snp("list not in force yet", "revocation.notYetValid",
    lists=[revocation_list("ARK-milan", RSA_KEYS["ark"], [], NOW + 1, NOW + DAY, rsa_pss=True)])
snp("list that is none", "revocationList.der.malformed", lists=[b"\1"])


def write(file, roots, cases):
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / file).write_text(json.dumps({
        "schema": "causeway.vectors.attestation/1",
        "source": "tools/vectors/attestation_nitro_snp.py, cryptography and cbor2", **roots, "cases": cases},
        indent=1) + "\n")
    print(file, len(cases), sum("want" in case for case in cases))


def fingerprint(item):
    return hx(hashlib.sha256(der(item)).digest())


write("nitro.json", {"platform": "nitro", "root": fingerprint(ROOT_CERTIFICATE)}, NITRO_CASES)
write("sev-snp.json", {"platform": "sev-snp", "certificates": SHARED, "products": [
    {"product": product, **{kind: fingerprint(item) for kind, item in AUTHORITIES[product].items()}}
    for product in PRODUCTS]}, SNP_CASES)
