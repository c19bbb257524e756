#!/usr/bin/env python3
"""Makes Tests/Vectors/attestation/intel.json: verdicts of dcap-qvl on Intel quotes that are not in any corpus.

Two kinds of cases:
  corpus  a quote and a collateral document of the outside corpus, a time, and byte flips (seeded);
  made    a quote and collateral under a root of our own, built here byte by byte, that reach what no recorded quote
          reaches: TCB levels of every status, TDX modules, relaunch advice, revocation, debug, other body types.

Every expected value is what the PyPI wheel dcap-qvl 0.7.0 answers; this script decides nothing.
Needs: pip install dcap-qvl==0.7.0 cryptography (in a virtual environment).
Run:   python tools/vectors/attestation_intel.py path/to/vectors/attestation/sgx-tdx > Tests/Vectors/attestation/intel.json
"""
import datetime
import hashlib
import json
import random
import re
import sys

import dcap_qvl
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

UTC = datetime.timezone.utc
NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86400


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, UTC)


def text(seconds):
    return moment(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---------------------------------------------------------------- DER by hand, for the SGX extension
def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def oid(dotted):
    numbers = [int(part) for part in dotted.split(".")]
    body = bytes([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        groups = [number & 127]
        while number := number >> 7:
            groups.append(0x80 | number & 127)
        body += bytes(reversed(groups))
    return der(6, body)


def integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


SGX = "1.2.840.113741.1.13.1"


def sgx_extension(cpusvn, pcesvn, fmspc, pceid, ppid=bytes(range(16))):
    def pair(tail, value):
        return der(0x30, oid(SGX + tail), value)

    components = [pair(f".2.{index + 1}", integer(svn)) for index, svn in enumerate(cpusvn)]
    tcb = der(0x30, *components, pair(".2.17", integer(pcesvn)), pair(".2.18", der(4, bytes(cpusvn))))
    return der(0x30, pair(".1", der(4, ppid)), pair(".2", tcb), pair(".3", der(4, pceid)),
               pair(".4", der(4, fmspc)), pair(".5", der(10, b"\0")))


# ---------------------------------------------------------------- keys and certificates
def key(name):
    scalar = int.from_bytes(hashlib.sha256(b"causeway test key " + name.encode()).digest(), "big")
    return ec.derive_private_key(scalar % (2**255), ec.SECP256R1())


def point(private):
    return private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)[1:]


def sign(private, message):
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def name(common):
    return x509.Name([
        x509.NameAttribute(x509.NameOID.COMMON_NAME, common),
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Test Corporation"),
    ])


def certificate(subject, subject_key, issuer, issuer_key, serial, ca=None, start=NOW - 365 * DAY, end=NOW + 3650 * DAY,
                extra=None):
    usage = dict.fromkeys(
        ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"], False)
    usage.update({"key_cert_sign": True, "crl_sign": True} if ca is not None else {"digital_signature": True})
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
        .public_key(subject_key.public_key()).serial_number(serial)
        .not_valid_before(moment(start)).not_valid_after(moment(end))
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.BasicConstraints(ca is not None, ca), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), critical=False))
    if extra is not None:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(SGX), extra), critical=False)
    return builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True)


def revocation_list(issuer, issuer_key, serials=(), start=NOW - 10 * DAY, end=NOW + 20 * DAY):
    builder = (
        x509.CertificateRevocationListBuilder().issuer_name(name(issuer))
        .last_update(moment(start)).next_update(moment(end))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False))
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment(start))
            .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False).build())
    return builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True) \
        .public_bytes(serialization.Encoding.DER)


def pem(*certificates):
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


ROOT, PLATFORM, LEAF, SIGNER, ATTESTATION = (
    key(one) for one in ["root", "platform", "leaf", "signer", "attestation"])
SERIALS = {"root": 0x11, "platform": 0x22, "leaf": 0x7F0001, "signer": 0x44}
FMSPC, PCEID = bytes.fromhex("10a06f050000"), bytes(2)
CPUSVN = [4, 4, 3, 3, 255, 255, 1] + [0] * 9
PCESVN = 11
VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
QE_SIGNER = hashlib.sha256(b"qe signer").digest()
MODULE_SIGNER = hashlib.sha384(b"module signer").digest()

root_certificate = certificate("Test Root", ROOT, "Test Root", ROOT, SERIALS["root"], ca=1)


# ---------------------------------------------------------------- quotes
def enclave_report(attributes="0500000000000000e700000000000000", signer=None, product=0, svn=0, data=bytes(64),
                   misc=0, enclave=None):
    return (bytes(16) + misc.to_bytes(4, "little") + bytes(28) + bytes.fromhex(attributes)
            + (enclave or hashlib.sha256(b"enclave").digest()) + bytes(32)
            + (signer or hashlib.sha256(b"enclave signer").digest()) + bytes(96)
            + product.to_bytes(2, "little") + svn.to_bytes(2, "little") + bytes(60) + data)


def trust_domain_report(svn="05010300000000000000000000000000", attributes="0000001000000000",
                        seam_signer=MODULE_SIGNER, seam_attributes=bytes(8), data=bytes(range(64))):
    def measure(label):
        return hashlib.sha384(label.encode()).digest()

    return (bytes.fromhex(svn) + measure("seam") + seam_signer + seam_attributes + bytes.fromhex(attributes)
            + bytes.fromhex("e742060000000000") + measure("td") + bytes(48 * 3)
            + b"".join(measure(f"rtmr{index}") for index in range(4)) + data)


def quote(version=4, tee=0x81, body=None, body_type=None, body_size=None, vendor=VENDOR, key_type=2,
          enclave=None, qe_data=None, auth=bytes(range(32)), cert_type=5, cert=b"", outer_type=6, trailing=b"",
          inner_trailing=b"", signing_key=None, leaf_key=None):
    body = trust_domain_report() if body is None else body
    header = (version.to_bytes(2, "little") + key_type.to_bytes(2, "little") + tee.to_bytes(4, "little")
              + bytes(4) + vendor + bytes(20))
    if body_type is not None:
        header += body_type.to_bytes(2, "little") + (len(body) if body_size is None else body_size).to_bytes(4, "little")
    attestation = point(ATTESTATION)
    data = hashlib.sha256(attestation + auth).digest() + bytes(32) if qe_data is None else qe_data
    report = enclave_report(attributes="1500000000000000e700000000000000", signer=QE_SIGNER, product=2, svn=8,
                            data=data) if enclave is None else enclave(data)
    signed = header + body
    signature = sign(signing_key or ATTESTATION, signed)
    tail = (report + sign(leaf_key or LEAF, report) + len(auth).to_bytes(2, "little") + auth
            + cert_type.to_bytes(2, "little") + len(cert).to_bytes(4, "little") + cert)
    if version >= 4:
        tail = outer_type.to_bytes(2, "little") + len(tail).to_bytes(4, "little") + tail
    section = signature + attestation + tail + inner_trailing
    return signed + len(section).to_bytes(4, "little") + section + trailing


def qe_report(**changes):
    fields = dict(attributes="1500000000000000e700000000000000", signer=QE_SIGNER, product=2, svn=8)
    fields.update(changes)
    return lambda data: enclave_report(data=data, **fields)


# ---------------------------------------------------------------- collateral
def component(values):
    return [{"svn": value} for value in values] + [{"svn": 0}] * (16 - len(values))


def level(sgx, pce, status, tdx=None, advisories=(), count=16):
    tcb = {"sgxtcbcomponents": component(sgx)[:count], "pcesvn": pce}
    if tdx is not None:
        tcb["tdxtcbcomponents"] = component(tdx)[:count]
    value = {"tcb": tcb, "tcbDate": "2025-05-14T00:00:00Z", "tcbStatus": status}
    if advisories:
        value["advisoryIDs"] = list(advisories)
    return value


def module(identity, levels, signer=MODULE_SIGNER, attributes="0000000000000000", mask="FFFFFFFFFFFFFFFF"):
    return {
        "id": identity, "mrsigner": signer.hex().upper(), "attributes": attributes, "attributesMask": mask,
        "tcbLevels": [
            {"tcb": {"isvsvn": svn}, "tcbDate": "2025-05-14T00:00:00Z", "tcbStatus": status,
             **({"advisoryIDs": list(advisories)} if advisories else {})}
            for svn, status, advisories in levels],
    }


TDX_LEVELS = [
    level([4, 4, 3, 3], 11, "UpToDate", [5, 0, 3]),
    level([3, 3, 3, 3], 11, "OutOfDate", [4, 0, 3], ["INTEL-SA-00001", "INTEL-SA-00002"]),
    level([2, 2, 2, 2], 5, "OutOfDateConfigurationNeeded", [0, 0, 0], ["INTEL-SA-00003"]),
]
MODULES = [
    module("TDX_03", [(3, "UpToDate", [])]),
    module("TDX_01", [(4, "UpToDate", []), (2, "OutOfDate", ["INTEL-SA-01000"])]),
]
SGX_LEVELS = [
    level([4, 4, 3, 3], 11, "UpToDate"),
    level([3, 3], 11, "SWHardeningNeeded", advisories=["INTEL-SA-00010"]),
]
BASE_MODULE = {"mrsigner": bytes(48).hex(), "attributes": "0000000000000000", "attributesMask": "FFFFFFFFFFFFFFFF"}


def tcb_info(levels=None, modules=None, tdx=True, base=BASE_MODULE, issue=NOW - 5 * DAY, until=NOW + 25 * DAY, **changes):
    value = {
        "id": "TDX" if tdx else "SGX", "version": 3, "issueDate": text(issue), "nextUpdate": text(until),
        "fmspc": FMSPC.hex(), "pceId": PCEID.hex(), "tcbType": 0, "tcbEvaluationDataNumber": 19,
    }
    if tdx:
        if base is not None:
            value["tdxModule"] = base
        value["tdxModuleIdentities"] = MODULES if modules is None else modules
    value["tcbLevels"] = (TDX_LEVELS if tdx else SGX_LEVELS) if levels is None else levels
    value.update(changes)
    return value


def qe_identity(tdx=True, issue=NOW - 4 * DAY, until=NOW + 26 * DAY, levels=None, **changes):
    value = {
        "id": "TD_QE" if tdx else "QE", "version": 2, "issueDate": text(issue), "nextUpdate": text(until),
        "tcbEvaluationDataNumber": 19, "miscselect": "00000000", "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000", "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": QE_SIGNER.hex().upper(), "isvprodid": 2,
        "tcbLevels": [
            {"tcb": {"isvsvn": svn}, "tcbDate": "2025-05-14T00:00:00Z", "tcbStatus": status,
             **({"advisoryIDs": list(advisories)} if advisories else {})}
            for svn, status, advisories in levels or [(8, "UpToDate", []), (5, "OutOfDate", ["INTEL-SA-00615"])]],
    }
    value.update(changes)
    return value


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class World:
    """The certificates and lists around one quote; each part can be replaced."""

    def __init__(self, platform_ca=0, leaf_ca=None, leaf_dates=(NOW - 300 * DAY, NOW + 2000 * DAY), revoked_root=(),
                 revoked_pck=(), root_list_dates=(NOW - 10 * DAY, NOW + 300 * DAY), pck_list_dates=(NOW - 9 * DAY, NOW + 21 * DAY),
                 fmspc=FMSPC, pceid=PCEID, cpusvn=CPUSVN, pcesvn=PCESVN, extension=True, list_key=None,
                 signer_dates=(NOW - 200 * DAY, NOW + 2000 * DAY), tcb_key=None, qe_key=None, list_issuer="Test Platform CA"):
        extra = sgx_extension(cpusvn, pcesvn, fmspc, pceid) if extension else None
        self.platform = certificate("Test Platform CA", PLATFORM, "Test Root", ROOT, SERIALS["platform"], ca=platform_ca)
        self.leaf = certificate("Test PCK", LEAF, "Test Platform CA", PLATFORM, SERIALS["leaf"], ca=leaf_ca,
                                start=leaf_dates[0], end=leaf_dates[1], extra=extra)
        self.signer = certificate("Test TCB Signing", SIGNER, "Test Root", ROOT, SERIALS["signer"],
                                  start=signer_dates[0], end=signer_dates[1])
        self.root_list = revocation_list("Test Root", ROOT, revoked_root, *root_list_dates)
        self.pck_list = revocation_list(list_issuer, list_key or PLATFORM, revoked_pck, *pck_list_dates)
        self.tcb_key, self.qe_key = tcb_key or SIGNER, qe_key or SIGNER
        self.chain = pem(self.leaf, self.platform, root_certificate)

    def collateral(self, tcb, qe, **changes):
        tcb, qe = (one if isinstance(one, str) else compact(one) for one in (tcb, qe))
        value = {
            "pck_crl_issuer_chain": pem(self.platform, root_certificate).decode(),
            "root_ca_crl": self.root_list.hex(), "pck_crl": self.pck_list.hex(),
            "tcb_info_issuer_chain": pem(self.signer, root_certificate).decode(), "tcb_info": tcb,
            "tcb_info_signature": sign(self.tcb_key, tcb.encode()).hex(),
            "qe_identity_issuer_chain": pem(self.signer, root_certificate).decode(), "qe_identity": qe,
            "qe_identity_signature": sign(self.qe_key, qe.encode()).hex(),
        }
        value.update(changes)
        return {member: one for member, one in value.items() if one is not None}


# ---------------------------------------------------------------- verdicts
def brief(error):
    """The error on one line: the message and its first cause."""
    lines = [line.strip() for line in str(error).replace("Verification failed: ", "", 1).split("\n") if line.strip()]
    lines = [re.sub(r"^\d+: ", "", line) for line in lines if not line.startswith("Caused by")]
    return " ".join(lines[:2])


def verdict(raw, collateral, at, root=None):
    try:
        document = dcap_qvl.QuoteCollateralV3.from_json(json.dumps(collateral))
        report = (dcap_qvl.verify(raw, document, at) if root is None
                  else dcap_qvl.verify_with_root_ca(raw, document, root, at))
        report = json.loads(report.to_json())
        return {"status": report["status"], "advisories": report["advisory_ids"]}
    except Exception as error:  # the wheel raises ValueError with prose
        return {"error": brief(error)}


# ---------------------------------------------------------------- cases of the outside corpus
def read_quote(folder, path):
    raw = open(f"{folder}/{path}", "rb").read()
    return bytes.fromhex(raw.decode().strip().removeprefix("0x")) if path.endswith(".hex") else raw


def edges(collateral):
    """The seconds at which documents and lists begin and end, and those beside them."""
    moments = []
    for member in ["tcb_info", "qe_identity"]:
        document = json.loads(collateral[member])
        moments += [int(datetime.datetime.fromisoformat(document[date].replace("Z", "+00:00")).timestamp())
                    for date in ["issueDate", "nextUpdate"]]
    for member in ["root_ca_crl", "pck_crl"]:
        found = x509.load_der_x509_crl(bytes.fromhex(collateral[member]))
        moments.append(int(found.next_update_utc.timestamp()))
    return sorted({moment + step for moment in moments for step in [-1, 0, 1]})


PAIRS = [
    ("dcap-qvl/tdx_quote", "dcap-qvl/tdx_quote_collateral.json", 1751328000),
    ("dcap-qvl/sgx_quote", "dcap-qvl/sgx_quote_collateral.json", 1751328000),
    ("go-tdx-guest/quote_v5_sample.dat", "bundles/tinfoil_90c06f000000.json", 1769731200),
    ("automata/solana_quote_tdx.bin", "bundles/solana_tdx_00806f050000_202507.json", 1752969600),
    ("automata/rust_quotev3.hex", "bundles/evm0825_sgx_00606a000000_202508.json", 1755648000),
    ("openenclave/host_verify_data_tdx_quote-moduleupdate-seamldr5.dat", "bundles/tinfoil_90c06f000000.json", 1768867200),
]


def corpus_cases(folder):
    source = random.Random(20260101)
    cases = []

    def add(quote_path, collateral_path, at, flips=()):
        raw = bytearray(read_quote(folder, quote_path))
        for flip in flips:
            raw[flip["offset"]] ^= flip["xor"]
        collateral = json.load(open(f"{folder}/{collateral_path}"))
        case = {"quote": quote_path, "collateral": collateral_path, "at": at}
        if flips:
            case["flips"] = list(flips)
        cases.append({**case, **verdict(bytes(raw), collateral, at)})

    for quote_path, collateral_path, at in PAIRS:
        add(quote_path, collateral_path, at)
        for moment in edges(json.load(open(f"{folder}/{collateral_path}"))):
            add(quote_path, collateral_path, moment)
        # Every PEM certificate of 3 spans the last bytes; the fields before it are hit by offset.
        size = len(read_quote(folder, quote_path))
        for _ in range(14):
            add(quote_path, collateral_path, at, [{"offset": source.randrange(0, 1280), "xor": 1 << source.randrange(8)}])
        for _ in range(12):
            add(quote_path, collateral_path, at, [{"offset": source.randrange(1280, min(size, 5100)), "xor": 1 << source.randrange(8)}])
    # Each quote with every other collateral.
    for quote_path, _, _ in PAIRS:
        for _, collateral_path, at in PAIRS:
            add(quote_path, collateral_path, at)
    return cases


QUOTES = [
    "automata/rust_quotev3.hex", "automata/rust_quotev4.hex", "automata/rust_quotev5.dat", "automata/solana_quote_sgx.bin",
    "automata/solana_quote_tdx.bin", "dcap-qvl/sgx_quote", "dcap-qvl/tdx_quote", "dcap-qvl/tdx_quote_outdated",
    "dstack/tdx_quote", "flashtestations/0x12c14e56d585Dcf3B36f37476c00E78bA9363742_quote.bin",
    "go-tdx-guest/quote_v5_sample.dat", "go-tdx-guest/tdx_prod_quote_SPR_E4.dat", "intel-qvl/quote.dat",
    "oasis/quote_v3_ecdsa_p256_eppid.bin", "oasis/quote_v4_tdx_ecdsa_p256.bin",
    "oasis/quote_v4_tdx_ecdsa_p256_out_of_date.bin",
    "openenclave/host_verify_data_tdx_quote-moduleupdate-seamldr5.dat", "trustee/occlum_quote.dat",
    "trustee/tdx_quote_5.dat",
]
LISTS = ["dcap-rs/pck_platform_crl.der", "dcap-rs/intel_root_ca_crl.der", "automata/evm_0825_platform_crl.der",
         "automata/solana_intel_root_ca_crl.der", "intel-qvl/intermediateCaCrl.der", "intel-qvl/rootCaCrl.der"]


def parsed_quotes(folder):
    """What dcap-qvl reads in quotes and in the first certificate of their chains."""
    found = []
    for path in QUOTES:
        try:
            one = dcap_qvl.parse_quote(read_quote(folder, path))
        except Exception:  # not a quote for dcap-qvl
            found.append({"quote": path, "refused": True})
            continue
        report = one.report
        names = (["mr_enclave", "mr_signer", "cpu_svn", "attributes", "report_data"] if one.is_sgx() else
                 ["mr_td", "mr_seam", "tee_tcb_svn", "td_attributes", "xfam", "mr_config_id", "rt_mr0", "rt_mr3", "report_data"])
        names += [name for name in ["tee_tcb_svn2", "mr_service_td"] if hasattr(report, name)]
        entry = {"quote": path, "version": one.header.version, "fields": {name: getattr(report, name).hex() for name in names}}
        try:
            pck = dcap_qvl.parse_pck_extension_from_pem(one.cert_chain_pem_bytes())
            entry["pck"] = {"ppid": pck.ppid.hex(), "cpuSvn": pck.cpu_svn.hex(), "pceSvn": pck.pce_svn,
                            "pceId": pck.pce_id.hex(), "fmspc": pck.fmspc.hex(), "sgxType": pck.sgx_type}
        except Exception:  # encrypted PPID, no certificates
            entry["pck"] = None
        found.append(entry)
    return found


def parsed_lists(folder):
    """What the package cryptography reads in revocation lists."""
    found = []
    for path in LISTS:
        one = x509.load_der_x509_crl(open(f"{folder}/{path}", "rb").read())
        found.append({
            "list": path, "thisUpdate": int(one.last_update_utc.timestamp()),
            "nextUpdate": int(one.next_update_utc.timestamp()),
            "revoked": sorted(f"{entry.serial_number:x}" for entry in one),
        })
    return found


# ---------------------------------------------------------------- made cases
def made_cases():
    cases = []
    usual = World()

    def add(label, world=usual, tcb=None, qe=None, at=NOW, sgx=False, changes=None, **fields):
        fields.setdefault("cert", world.chain)
        if sgx:
            for member, value in [("version", 3), ("tee", 0), ("body", enclave_report())]:
                fields.setdefault(member, value)
        collateral = world.collateral(tcb or tcb_info(tdx=not sgx), qe or qe_identity(tdx=not sgx), **(changes or {}))
        cases.append((label, quote(**fields), collateral, at, None))

    def td15(svn="05010300", now="05010300", service=bytes(48), **changes):
        return dict(version=5, body_type=3, body=trust_domain_report(svn=svn + "00" * 12, **changes)
                    + bytes.fromhex(now + "00" * 12) + service)

    add("TDX, version 4")
    add("SGX, version 3", sgx=True)
    add("TD 1.5, version 5", **td15())
    add("TD 1.0, version 5", version=5, body_type=2)
    add("TD 1.5 with extensions, version 5", version=5, body_type=4, body=td15()["body"] + bytes(237))
    add("TD 1.5 with extensions of another size", version=5, body_type=4, body=td15()["body"] + bytes(238))
    add("SGX, version 5", version=5, tee=0, body_type=1, body=enclave_report(), tcb=tcb_info(tdx=False), qe=qe_identity(tdx=False))
    add("SGX, version 4", version=4, tee=0, body=enclave_report(), tcb=tcb_info(tdx=False), qe=qe_identity(tdx=False))
    add("body size of version 5", version=5, body_type=2, body_size=600)
    add("body type of version 5", version=5, body_type=9)
    add("version 2", version=2)
    add("version 3 for TDX", version=3)
    add("kind of enclave", tee=5)
    add("vendor", vendor=bytes(16))
    add("attestation key type", key_type=3)

    # Levels of the platform and of the quoting enclave.
    statuses = ["UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
                "OutOfDateConfigurationNeeded", "Revoked", "TDRelaunchAdvised"]
    for status in statuses:
        for own in ["UpToDate", "OutOfDate", "ConfigurationNeeded", "OutOfDateConfigurationNeeded"]:
            if own in ["UpToDate", "OutOfDate"] or status in ["UpToDate", "ConfigurationNeeded"]:
                add(f"SGX platform {status}, quoting enclave {own}", sgx=True,
                    tcb=tcb_info(tdx=False, levels=[level([4], 1, status, advisories=["B", "A"])]),
                    qe=qe_identity(tdx=False, levels=[(1, own, ["C", "A"])]))
    add("quoting enclave Revoked", qe=qe_identity(levels=[(1, "Revoked", [])]))
    add("quoting enclave SWHardeningNeeded", qe=qe_identity(levels=[(1, "SWHardeningNeeded", [])]))
    add("a status that does not count", qe=qe_identity(levels=[(8, "UpToDate", []), (1, "SWHardeningNeeded", [])]))
    add("unknown status", tcb=tcb_info(levels=[level([4], 1, "Nonsense", [0])]))
    for status in ["UpToDate", "OutOfDate", "Revoked", "ConfigurationNeeded"]:
        add(f"module {status}", tcb=tcb_info(levels=[level([4], 1, "ConfigurationNeeded", [0], ["P"])],
                                             modules=[module("TDX_01", [(1, status, ["M"])])]))
    add("levels in any order", tcb=tcb_info(levels=list(reversed(TDX_LEVELS))))
    add("no level", tcb=tcb_info(levels=[level([5], 1, "UpToDate", [1])]))
    add("no levels", tcb=tcb_info(levels=[]))
    add("provisioning enclave below", tcb=tcb_info(levels=[level([4], 12, "UpToDate", [1])]))
    add("provisioning enclave over 255", world=World(pcesvn=300), tcb=tcb_info(levels=[level([4], 300, "UpToDate", [1])]))
    add("third TDX component below", tcb=tcb_info(levels=[level([4], 11, "UpToDate", [0, 0, 4])]))
    add("first TDX component is the module's", tcb=tcb_info(levels=[level([4], 11, "UpToDate", [9, 9, 3])]))
    add("first TDX component of a module without version",
        body=trust_domain_report(svn="05000300" + "00" * 12, seam_signer=bytes(48)),
        tcb=tcb_info(levels=[level([4], 11, "UpToDate", [9, 0, 3])]))
    add("15 components", tcb=tcb_info(levels=[level([4], 1, "UpToDate", [1], count=15)]))
    add("17 components", tcb=tcb_info(levels=[level([4] + [0] * 16, 1, "UpToDate", [1], count=17)]))
    add("no TDX components", tcb=tcb_info(levels=[level([4], 1, "UpToDate")]))
    add("component of 256", tcb=tcb_info(levels=[level([256], 1, "UpToDate", [1])]))

    # Modules.
    for label, svn in [("module out of date", "02010300"), ("module below", "01010300"), ("module unknown", "05020300"),
                       ("module 3", "03030300"), ("module without version", "05000300")]:
        add(label, body=trust_domain_report(svn=svn + "00" * 12))
    add("module without version, signed so", body=trust_domain_report(svn="05000300" + "00" * 12, seam_signer=bytes(48)))
    add("module signer", body=trust_domain_report(seam_signer=bytes(48)))
    add("module attributes", body=trust_domain_report(seam_attributes=b"\1" + bytes(7)))
    add("module attributes outside of the mask", body=trust_domain_report(seam_attributes=b"\1" + bytes(7)),
        tcb=tcb_info(modules=[module("TDX_01", [(1, "UpToDate", [])], mask="FEFFFFFFFFFFFFFF")]))
    add("module id in lower case", tcb=tcb_info(modules=[module("tdx_01", [(1, "UpToDate", [])])]))
    add("no module identities", tcb=tcb_info(modules=[]))
    add("no tdxModule", tcb=tcb_info(base=None))

    # Relaunch.
    def two(status):
        return tcb_info(levels=[level([4], 1, "UpToDate", [0, 0, 5], ["P1"]), level([4], 1, status, [0, 0, 1], ["P2"])])

    for launch, now in [("02010500", "05010500"), ("05010100", "05010500"), ("02010100", "05010500"), ("02010500", "02010500"),
                        ("05010500", "02010500"), ("02010500", "01010500"), ("02010500", "05020500"), ("05010100", "05010000"),
                        ("02010500", "03030500")]:
        add(f"launched {launch}, now {now}", tcb=two("OutOfDate"), **td15(launch, now))
    for status in ["ConfigurationNeeded", "SWHardeningNeeded", "OutOfDateConfigurationNeeded", "Revoked"]:
        add(f"launched at {status}", tcb=two(status), **td15("05010100", "05010500"))
        add(f"launched with an old module, now {status}", tcb=two(status), **td15("02010500", "05010100"))
    add("relaunch with an old quoting enclave", tcb=two("OutOfDate"), qe=qe_identity(levels=[(1, "OutOfDate", ["Q"])]),
        **td15("05010100", "05010500"))

    # Attributes.
    for bit in [0, 1, 4, 6, 8, 15, 16, 17, 18, 22, 23, 27, 28, 29, 30, 31, 32, 61, 62, 63]:
        flipped = (1 << 28) ^ (1 << bit)
        add(f"TD attribute {bit}", body=trust_domain_report(attributes=flipped.to_bytes(8, "little").hex()))
    add("service domain", **td15(service=b"\1" + bytes(47)))
    add("service domain and debug", **td15(service=b"\1" + bytes(47), attributes="0100001000000000"))
    add("SGX debug", sgx=True, body=enclave_report(attributes="0700000000000000e700000000000000"))

    # Quoting enclave.
    for label, change in [("version 6", dict(svn=6)), ("version 4", dict(svn=4)), ("product", dict(product=3)),
                          ("miscselect", dict(misc=1)), ("signer", dict(signer=bytes(32))),
                          ("debug", dict(attributes="1700000000000000e700000000000000")),
                          ("masked attribute", dict(attributes="1500000000000000e7000000000000ff")),
                          ("attribute", dict(attributes="0500000000000000e700000000000000"))]:
        add(f"quoting enclave: {label}", enclave=qe_report(**change))
    add("authentication of 33 bytes", auth=bytes(33))
    add("binding", qe_data=bytes(64))
    add("key of the quoting enclave's report", leaf_key=SIGNER)
    add("key of the quote", signing_key=SIGNER)
    add("identity of version 3", qe=qe_identity(version=3))
    add("identity of version 1", qe=qe_identity(version=1))
    add("identity of version 3 for SGX", sgx=True, qe=qe_identity(tdx=False, version=3))
    add("identity of another enclave", qe=qe_identity(id="QVE"))
    add("identity without levels", qe=qe_identity(tcbLevels=[]))

    # Documents.
    for label, change in [("fmspc", dict(fmspc="00606a000000")), ("fmspc in upper case", dict(fmspc=FMSPC.hex().upper())),
                          ("version 2 for TDX", dict(version=2)), ("SGX for TDX", dict(id="SGX")),
                          ("issue date", dict(issueDate="2025-13-01T00:00:00Z")), ("more members", dict(more=1))]:
        add(f"TCB info: {label}", tcb=tcb_info(**change))
    add("TCB info: TDX for SGX", sgx=True, tcb=tcb_info())
    add("TCB info: member twice", tcb=compact(tcb_info())[:-1] + ',"id":"TDX"}')
    add("TCB info: white space behind", tcb=compact(tcb_info()) + " \n")
    add("TCB info: something behind", tcb=compact(tcb_info()) + "x")
    add("TCB info: member absent", tcb={k: v for k, v in tcb_info().items() if k != "tcbType"})
    for member, at in [("issue", NOW), ("issue", NOW + 1), ("until", NOW), ("until", NOW - 1)]:
        add(f"TCB info: {member} {at - NOW}", tcb=tcb_info(**{member: at}))
        add(f"identity: {member} {at - NOW}", qe=qe_identity(**{member: at}))
    add("TCB info ended before its signer", world=World(signer_dates=(NOW - 2, NOW - 1)), tcb=tcb_info(until=NOW - 1))
    add("TCB info: signature", world=World(tcb_key=LEAF))
    add("identity: signature", world=World(qe_key=LEAF))
    add("TCB info: signature of zeros", changes=dict(tcb_info_signature="00" * 64))

    # Certificates and lists.
    for label, change in [
        ("leaf from now", dict(leaf_dates=(NOW, NOW + 1))), ("leaf later", dict(leaf_dates=(NOW + 1, NOW + 2))),
        ("leaf until now", dict(leaf_dates=(NOW - 2, NOW))), ("leaf ended", dict(leaf_dates=(NOW - 2, NOW - 1))),
        ("signer later", dict(signer_dates=(NOW + 1, NOW + 2))), ("signer ended", dict(signer_dates=(NOW - 2, NOW - 1))),
        ("root list later", dict(root_list_dates=(NOW + 1, NOW + 2))), ("root list until now", dict(root_list_dates=(NOW - 2, NOW))),
        ("PCK list later", dict(pck_list_dates=(NOW + 1, NOW + 2))), ("PCK list until now", dict(pck_list_dates=(NOW - 2, NOW))),
        ("PCK list until soon", dict(pck_list_dates=(NOW - 2, NOW + 1))),
        ("root revoked", dict(revoked_root=[SERIALS["root"]])), ("authority revoked", dict(revoked_root=[SERIALS["platform"]])),
        ("signer revoked", dict(revoked_root=[SERIALS["signer"]])), ("leaf revoked", dict(revoked_pck=[SERIALS["leaf"]])),
        ("list of another key", dict(list_key=SIGNER)), ("list of another name", dict(list_issuer="Other")),
        ("leaf is an authority", dict(leaf_ca=0)), ("authority is none", dict(platform_ca=None)),
        ("no extension", dict(extension=False)), ("another family", dict(fmspc=bytes(6))),
    ]:
        add(f"certificates: {label}", world=World(**change))
    for label, chain in [
        ("without root", pem(usual.leaf, usual.platform)), ("in another order", pem(usual.leaf, root_certificate, usual.platform)),
        ("leaf alone", pem(usual.leaf)), ("nothing", b""), ("zero behind", usual.chain + b"\0"),
        ("one more", usual.chain + pem(usual.signer)), ("lines of CR LF", usual.chain.replace(b"\n", b"\r\n")),
        ("base 64", usual.chain.replace(b"\nMII", b"\n*II", 1)),
    ]:
        add(f"chain: {label}", cert=chain)
    add("chain: type 1", cert_type=1, cert=bytes(36))
    add("chain: type 3", cert_type=3, cert=bytes(404))
    add("chain: type 3 with collateral", cert_type=3, cert=bytes(404), changes=dict(pck_certificate_chain=usual.chain.decode()))
    add("lists swapped", changes=dict(root_ca_crl=usual.pck_list.hex(), pck_crl=usual.root_list.hex()))
    add("PCK list absent for its issuer", changes=dict(pck_crl=usual.root_list.hex()))
    add("root list is no list", changes=dict(root_ca_crl="00"))
    add("PCK list is no list", changes=dict(pck_crl="00"))
    add("collateral without TCB info", changes=dict(tcb_info=None))
    add("signing chain: nothing", changes=dict(tcb_info_issuer_chain=""))
    add("signing chain: the root", changes=dict(tcb_info_issuer_chain=pem(root_certificate).decode()))
    add("trailing bytes", trailing=b"\1\2\3")
    whole = quote(cert=usual.chain)
    for size in [0, 1, 47, 48, 631, 635, 636, 699, 763, 769, 1153, len(whole) - 1]:
        cases.append((f"first {size} bytes", whole, usual.collateral(tcb_info(), qe_identity()), NOW, size))
    return cases


def parts(raw, number):
    """A quote in parts that other quotes share: numbers in the pool, of hex with "x" before it or of text."""
    version, tee = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[4:8], "little")
    end = 48 + (584 if tee else 384)
    if version == 5:
        end = 54 + int.from_bytes(raw[50:54], "little")
    cuts = [0, end, end + 68]
    start = raw.find(b"-----BEGIN")
    if start > end + 68:
        cuts += [start, raw.rindex(b"-----") + 5]
    cuts = [cut for cut in cuts if cut < len(raw)] + [len(raw)]
    pieces = [raw[one:other] for one, other in zip(cuts, cuts[1:])]
    return [number(piece.decode() if piece.startswith(b"-----") else "x" + piece.hex()) for piece in pieces]


def main(folder):
    root = root_certificate.public_bytes(serialization.Encoding.DER)
    pool, numbers = [], {}

    def number(value):
        if value not in numbers:
            numbers[value] = len(pool)
            pool.append(value)
        return numbers[value]

    made = []
    for label, raw, collateral, at, first in made_cases():
        made.append({
            "name": label, "at": at, "quote": parts(raw, number), **({} if first is None else {"first": first}),
            "collateral": {member: number(value) for member, value in collateral.items()},
            **verdict(raw[:first], collateral, at, root),
        })
    document = {
        "schema": "causeway-intel-verdicts/1",
        "source": "tools/vectors/attestation_intel.py; verdicts and quotes by PyPI dcap-qvl 0.7.0, lists by cryptography",
        "root": root.hex(), "texts": pool, "quotes": parsed_quotes(folder), "lists": parsed_lists(folder),
        "corpus": corpus_cases(folder), "made": made,
    }
    lines = []
    for member, value in document.items():
        if isinstance(value, list):
            body = ",\n".join("  " + json.dumps(one) for one in value)
            lines.append(f' {json.dumps(member)}: [\n{body}\n ]')
        else:
            lines.append(f" {json.dumps(member)}: {json.dumps(value)}")
    print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main(sys.argv[1])
