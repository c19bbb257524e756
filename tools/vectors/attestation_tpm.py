"""Statements of a TPM 2.0, made by swtpm and tpm2-tools, certified by `cryptography`.

Writes Tests/Vectors/attestation/tpm.json. Every expectation is by this script: values of PCRs are replayed with hashlib
and compared with what the TPM reads back, before anything is written.

    .venv/bin/python tools/vectors/attestation_tpm.py     # swtpm and tpm2-tools must be installed
"""

import datetime
import hashlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/Vectors/attestation/tpm.json"
AK = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda"
LOOSE = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda"
MOVABLE = "sensitivedataorigin|userwithauth|restricted|sign|noda"
NOW = int(datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc).timestamp())
REPORT = hashlib.sha512(b"report data of the vectors").digest()
PROGRAM = hashlib.sha256(b"program").digest()
OTHER = hashlib.sha256(b"another program").digest()
POLICY = hashlib.sha256(b"policy").digest()


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TPM:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.schemes = {}
        while True:
            server = port()
            control = server + 1
            try:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", control))
                break
            except OSError:
                continue
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={directory}", "--flags", "not-need-init,startup-clear",
             "--server", f"type=tcp,port={server}", "--ctrl", f"type=tcp,port={control}"])
        self.environment = dict(os.environ, TPM2TOOLS_TCTI=f"swtpm:host=127.0.0.1,port={server}")
        for _ in range(100):
            if subprocess.run(["tpm2_getrandom", "1"], env=self.environment, capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit("swtpm does not answer")

    def run(self, *arguments):
        subprocess.run(arguments, env=self.environment, check=True, cwd=self.directory, capture_output=True)

    def read(self, name):
        return (self.directory / name).read_bytes()

    def key(self, name, algorithm, attributes=AK, names="sha256"):
        self.schemes[name] = algorithm.split(":")[1].split("-")[0]
        self.run("tpm2_createprimary", "-C", "e", "-G", algorithm + ":null", "-g", names, "-a", attributes, "-c", f"{name}.ctx")
        self.run("tpm2_readpublic", "-c", f"{name}.ctx", "-o", f"{name}.pub", "-n", f"{name}.name")
        self.run("tpm2_readpublic", "-c", f"{name}.ctx", "-f", "pem", "-o", f"{name}.pem")
        self.run("tpm2_flushcontext", "-t")
        return name

    def pcrs(self, bank, indices):
        values = {}
        for index in indices:
            self.run("tpm2_pcrread", f"{bank}:{index}", "-o", "pcr.bin")
            values[index] = self.read("pcr.bin")
        return values

    def quote(self, key, selection, nonce, hash_name="sha256"):
        scheme = self.schemes[key]
        self.run("tpm2_quote", "-c", f"{key}.ctx", "-l", selection, "-q", nonce.hex(), "-m", "quote.msg",
                 "-s", "quote.sig", "-f", "tss", "-g", hash_name, "--scheme", scheme)
        self.run("tpm2_flushcontext", "-t")
        return self.read("quote.msg"), self.read("quote.sig")


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def statement(message, signature, public, pcrs, log=b"", certificates=()):
    out = field(1, message) + field(2, signature) + field(3, public)
    for index, value in pcrs:
        inner = (varint(1 << 3) + varint(index) if index else b"") + field(2, value)
        out += field(4, inner)
    if log:
        out += field(5, log)
    for certificate in certificates:
        out += field(6, certificate)
    return out


def launch(program, policy, start):
    return struct.pack("<H", 1) + program + policy + struct.pack("<Q", start)


def measurement(encoded):
    tag = b"causeway/launch/v1"
    return hashlib.sha256(bytes([len(tag)]) + tag + encoded).digest()


def certificate(subject, public, issuer, signer, authority, days=(datetime.date(2026, 1, 1), datetime.date(2027, 1, 1))):
    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def at(day):
        return datetime.datetime(day.year, day.month, day.day)

    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public)
        .serial_number(x509.random_serial_number()).not_valid_before(at(days[0])).not_valid_after(at(days[1]))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), critical=True)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def main():
    directory = tempfile.mkdtemp()
    tpm = TPM(directory)
    try:
        cases = build(tpm)
    finally:
        tpm.process.terminate()
        tpm.process.wait()
        shutil.rmtree(directory)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({
        "schema": "causeway.vectors.attestation-tpm/1",
        "source": "tools/vectors/attestation_tpm.py: swtpm, tpm2-tools, cryptography",
        "cases": cases,
    }, indent=1) + "\n")
    print(len(cases), "cases")


def build(tpm):
    log = [launch(PROGRAM, POLICY, 1_780_000_000), launch(PROGRAM, POLICY, 1_780_000_500)]
    value = bytes(32)
    for entry in log:
        tpm.run("tpm2_pcrextend", f"14:sha256={measurement(entry).hex()},sha1={'11' * 20},sha384={'22' * 48}")
        value = hashlib.sha256(value + measurement(entry)).digest()
    assert tpm.pcrs("sha256", [14])[14] == value
    tpm.run("tpm2_pcrextend", f"16:sha256={'33' * 32}")
    log = b"".join(log)

    keys = {
        "p256": tpm.key("p256", "ecc256:ecdsa-sha256"),
        "p384": tpm.key("p384", "ecc384:ecdsa-sha384", names="sha384"),
        "rsassa": tpm.key("rsassa", "rsa2048:rsassa-sha256"),
        "rsapss": tpm.key("rsapss", "rsa2048:rsapss-sha256"),
        "rsassa384": tpm.key("rsassa384", "rsa2048:rsassa-sha384"),
        "loose": tpm.key("loose", "ecc256:ecdsa-sha256", LOOSE),
        "movable": tpm.key("movable", "ecc256:ecdsa-sha256", MOVABLE),
        "sha1": tpm.key("sha1", "rsa2048:rsassa-sha1"),
    }
    names = {key: tpm.read(f"{key}.name") for key in keys}
    publics = {key: tpm.read(f"{key}.pub") for key in keys}
    for key, public in publics.items():
        algorithm = "sha384" if key == "p384" else "sha256"
        assert names[key][2:] == hashlib.new(algorithm, public[2:]).digest()

    launches = [{"program": "0x" + PROGRAM.hex(), "policy": "0x" + POLICY.hex()}]

    def policy(key="p256", pcrs=None, **more):
        members = {"pcrs": pcrs if pcrs is not None else [{"index": 14, "launches": launches}]}
        if key:
            members["akNames"] = ["0x" + names[key].hex()]
        members.update(more)
        return members

    cases = []

    def case(name, encoded, asked, want=None, error=None, at=NOW):
        entry = {"name": name, "statement": "0x" + encoded.hex(), "policy": asked, "at": at}
        if error:
            entry["error"] = error
        else:
            entry["want"] = want
        cases.append(entry)

    pcr14 = [(14, value)]
    wanted = {"reportData": "0x" + REPORT.hex(), "pcr14": "0x" + value.hex(), "program": "0x" + PROGRAM.hex(),
              "policy": "0x" + POLICY.hex()}
    for key in ["p256", "p384", "rsassa", "rsapss", "rsassa384"]:
        hash_name = "sha384" if key in ("p384", "rsassa384") else "sha256"
        message, signature = tpm.quote(key, "sha256:14", REPORT, hash_name)
        encoded = statement(message, signature, publics[key], pcr14, log)
        case(f"a launch, {key}", encoded, policy(key), {**wanted, "boundKey": "0x" + names[key].hex()})
        if key == "p256":
            case("the key's name is not known", encoded, policy("rsassa"), error="keyUnknown")
            case("no launch is allowed", encoded, policy(pcrs=[{"index": 14, "launches": []}]), error="launch")
            case("a launch of a program that is not allowed", encoded,
                 policy(pcrs=[{"index": 14, "launches": [{"program": "0x" + OTHER.hex(), "policy": "0x" + POLICY.hex()}]}]),
                 error="launch")
            case("no value is allowed", statement(message, signature, publics[key], pcr14),
                 policy(pcrs=[{"index": 14, "values": []}]), error="pcrValue")
            case("a value that is allowed", statement(message, signature, publics[key], pcr14),
                 policy(pcrs=[{"index": 14, "values": ["0x" + value.hex()]}]),
                 {"reportData": "0x" + REPORT.hex(), "pcr14": "0x" + value.hex(), "boundKey": "0x" + names[key].hex()})
            case("a launch log that explains nothing", encoded,
                 policy(pcrs=[{"index": 14, "values": ["0x" + value.hex()]}]), error="launchLogUnasked")
            case("another PCR was asked for", encoded,
                 policy(pcrs=[{"index": 14, "launches": launches}, {"index": 16, "values": ["0x" + "33" * 32]}]),
                 error="selection")
            case("the log lacks the last launch", statement(message, signature, publics[key], pcr14, log[:74]), policy(),
                 error="launchReplay")
            case("the log hides a launch of another program",
                 statement(message, signature, publics[key], pcr14, launch(OTHER, POLICY, 1) + log[74:]), policy(),
                 error="launchReplay")
            case("no log", statement(message, signature, publics[key], pcr14), policy(), error="noLaunch")
            case("half a launch", statement(message, signature, publics[key], pcr14, log[:100]), policy(), error="launchLog")
            case("a launch of version 2", statement(message, signature, publics[key], pcr14, b"\2\0" + log[2:]), policy(),
                 error="launchLog")
            case("the value is another one", statement(message, signature, publics[key], [(14, bytes(32))], log), policy(),
                 error="pcrDigest")
            case("a value of a PCR that is not quoted",
                 statement(message, signature, publics[key], pcr14 + [(16, bytes(32))], log), policy(), error="values")
            case("no value", statement(message, signature, publics[key], [], log), policy(), error="values")
            case("a value of another length", statement(message, signature, publics[key], [(14, bytes(20))], log), policy(),
                 error="valueLength")
            case("PCRs out of order", statement(message, signature, publics[key], pcr14 + pcr14, log), policy(),
                 error="statement")
            case("the key of another quote", statement(message, signature, publics["movable"], pcr14, log), policy(),
                 error="keyAttributes")
            p384 = statement(message, signature, publics["p384"], pcr14, log)
            case("a key of another curve", p384, policy("p384"), error="signature")
            root_key = ec.generate_private_key(ec.SECP256R1())
            root = certificate("root", root_key.public_key(), "root", root_key, True)
            own = serialization.load_pem_public_key(tpm.read("p256.pem"))
            leaf = certificate("ak", own, "root", root_key, False)
            pinned = policy(None, akRoots=["0x" + hashlib.sha256(root).hexdigest()])
            encoded = statement(message, signature, publics[key], pcr14, log, [leaf, root])
            case("a certified key", encoded, pinned, {**wanted, "boundKey": "0x" + names[key].hex(), "expires": str(int(
                datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc).timestamp()))})
            case("a certified key, after its certificate", encoded, pinned, error="chain", at=NOW + 366 * 86400)
            case("a certified key, before its certificate", encoded, pinned, error="chain", at=NOW - 366 * 86400)
            case("a certificate of another key",
                 statement(message, signature, publics[key], pcr14, log,
                           [certificate("ak", root_key.public_key(), "root", root_key, False), root]),
                 pinned, error="certificateKey")
            stranger_key = ec.generate_private_key(ec.SECP256R1())
            stranger = certificate("root", stranger_key.public_key(), "root", stranger_key, True)
            case("a certificate of another root",
                 statement(message, signature, publics[key], pcr14, log,
                           [certificate("ak", own, "root", stranger_key, False), stranger]), pinned, error="chain")
            case("a certificate that the root did not sign",
                 statement(message, signature, publics[key], pcr14, log,
                           [certificate("ak", own, "root", stranger_key, False), root]), pinned, error="chain")
            case("no certificate", statement(message, signature, publics[key], pcr14, log), pinned, error="keyUnknown")

    rsa_root_key = ec.generate_private_key(ec.SECP256R1())
    rsa_root = certificate("root", rsa_root_key.public_key(), "root", rsa_root_key, True)
    message, signature = tpm.quote("rsassa", "sha256:14", REPORT)
    leaf = certificate("ak", serialization.load_pem_public_key(tpm.read("rsassa.pem")), "root", rsa_root_key, False)
    case("a certified RSA key", statement(message, signature, publics["rsassa"], pcr14, log, [leaf, rsa_root]),
         policy(None, akRoots=["0x" + hashlib.sha256(rsa_root).hexdigest()]), {**wanted, "boundKey": "0x" + names["rsassa"].hex()})

    message, signature = tpm.quote("loose", "sha256:14", REPORT)
    case("an unrestricted key", statement(message, signature, publics["loose"], pcr14, log), policy("loose"),
         error="keyAttributes")
    # What that key signs is anything at all: here a quote of values that this TPM never had.
    forged = bytearray(message)
    invented = hashlib.sha256(bytes(32) + measurement(launch(OTHER, POLICY, 1))).digest()
    forged[-32:] = hashlib.sha256(invented).digest()
    (tpm.directory / "forged").write_bytes(forged)
    tpm.run("tpm2_sign", "-c", "loose.ctx", "-g", "sha256", "-f", "tss", "-o", "forged.sig", "forged")
    tpm.run("tpm2_flushcontext", "-t")
    case("a quote forged by an unrestricted key",
         statement(bytes(forged), tpm.read("forged.sig"), publics["loose"], [(14, invented)], launch(OTHER, POLICY, 1)),
         policy("loose", pcrs=[{"index": 14, "launches": [{"program": "0x" + OTHER.hex(), "policy": "0x" + POLICY.hex()}]}]),
         error="keyAttributes")
    # The same with attributes that claim to be restricted: then the key has another name.
    claimed = bytearray(publics["loose"])
    claimed[6:10] = publics["p256"][6:10]
    case("a forged quote under a lied-about public area",
         statement(bytes(forged), tpm.read("forged.sig"), bytes(claimed), [(14, invented)], launch(OTHER, POLICY, 1)),
         policy("loose", pcrs=[{"index": 14, "launches": [{"program": "0x" + OTHER.hex(), "policy": "0x" + POLICY.hex()}]}]),
         error="keyUnknown")
    message, signature = tpm.quote("movable", "sha256:14", REPORT)
    case("a key that may move", statement(message, signature, publics["movable"], pcr14, log), policy("movable"),
         error="keyAttributes")
    message, signature = tpm.quote("sha1", "sha256:14", REPORT, "sha1")
    case("a signature over SHA-1", statement(message, signature, publics["sha1"], pcr14, log), policy("sha1"),
         error="signature")

    message, signature = tpm.quote("p256", "sha1:14", REPORT)
    case("the SHA-1 bank", statement(message, signature, publics["p256"], list(tpm.pcrs("sha1", [14]).items()), log), policy(),
         error="bank")
    message, signature = tpm.quote("p256", "sha1:14+sha256:14", REPORT)
    case("two banks", statement(message, signature, publics["p256"], pcr14, log), policy(), error="banks")
    message, signature = tpm.quote("p256", "sha384:14", REPORT)
    values = list(tpm.pcrs("sha384", [14]).items())
    case("another bank than asked for", statement(message, signature, publics["p256"], values, log), policy(), error="bank")
    case("the SHA-384 bank", statement(message, signature, publics["p256"], values),
         policy(pcrs=[{"index": 14, "values": ["0x" + values[0][1].hex()]}], bank="sha384"),
         {"reportData": "0x" + REPORT.hex(), "pcr14": "0x" + values[0][1].hex()})
    message, signature = tpm.quote("p256", "sha256:14,16", REPORT)
    both = list(tpm.pcrs("sha256", [14, 16]).items())
    asked = [{"index": 14, "launches": launches}, {"index": 16, "values": ["0x" + both[1][1].hex()]}]
    case("two PCRs", statement(message, signature, publics["p256"], both, log), policy(pcrs=asked),
         {**wanted, "pcr16": "0x" + both[1][1].hex()})
    case("more PCRs than asked for", statement(message, signature, publics["p256"], both, log), policy(), error="selection")
    message, signature = tpm.quote("p256", "sha256:14", REPORT)
    case("fewer PCRs than asked for", statement(message, signature, publics["p256"], pcr14, log), policy(pcrs=asked),
         error="selection")
    tpm.run("tpm2_certify", "-c", "p256.ctx", "-C", "p256.ctx", "-g", "sha256", "-f", "tss", "-o", "certify.msg", "-s", "certify.sig")
    case("what certifies a key is no quote",
         statement(tpm.read("certify.msg"), tpm.read("certify.sig"), publics["p256"], pcr14, log), policy(), error="quote")
    return cases


main()
