#!/usr/bin/env python3
"""Makes Tests/Vectors/ledger/*.json: transactions, messages and results of an embedded domain.

Needs: pip install protobuf bech32 coincurve cryptography pycryptodome. Protobuf comes from Google's library over
descriptors written here from the .proto files of the Cosmos SDK and ibc-go, addresses from bech32, signatures from
libsecp256k1 (coincurve, RFC 6979, low s) and OpenSSL (Ed25519). All of it is deterministic.
"""
import hashlib
import json
import pathlib

import bech32
import coincurve
from Crypto.Hash import RIPEMD160
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Vectors" / "ledger"
F = descriptor_pb2.FieldDescriptorProto
KINDS = {"bytes": F.TYPE_BYTES, "string": F.TYPE_STRING, "uint64": F.TYPE_UINT64, "int64": F.TYPE_INT64,
         "uint32": F.TYPE_UINT32, "int32": F.TYPE_INT32, "bool": F.TYPE_BOOL}

# name: [(field, number, kind, repeated)]; a kind that is a message's name embeds it.
MESSAGES = {
    # google/protobuf/any.proto
    "Any": [("type_url", 1, "string", 0), ("value", 2, "bytes", 0)],
    # cosmos/base/v1beta1/coin.proto
    "Coin": [("denom", 1, "string", 0), ("amount", 2, "string", 0)],
    # cosmos/tx/v1beta1/tx.proto
    "TxRaw": [("body_bytes", 1, "bytes", 0), ("auth_info_bytes", 2, "bytes", 0), ("signatures", 3, "bytes", 1)],
    "SignDoc": [("body_bytes", 1, "bytes", 0), ("auth_info_bytes", 2, "bytes", 0), ("chain_id", 3, "string", 0),
                ("account_number", 4, "uint64", 0)],
    "TxBody": [("messages", 1, "Any", 1), ("memo", 2, "string", 0), ("timeout_height", 3, "uint64", 0)],
    "Single": [("mode", 1, "int32", 0)],
    "ModeInfo": [("single", 1, "Single", 0)],
    "SignerInfo": [("public_key", 1, "Any", 0), ("mode_info", 2, "ModeInfo", 0), ("sequence", 3, "uint64", 0)],
    "Fee": [("amount", 1, "Coin", 1), ("gas_limit", 2, "uint64", 0)],
    "AuthInfo": [("signer_infos", 1, "SignerInfo", 1), ("fee", 2, "Fee", 0)],
    "PubKey": [("key", 1, "bytes", 0)],
    # cosmos/bank/v1beta1/tx.proto
    "MsgSend": [("from_address", 1, "string", 0), ("to_address", 2, "string", 0), ("amount", 3, "Coin", 1)],
    # causeway.program.v1
    "MsgCall": [("caller", 1, "string", 0), ("program", 2, "string", 0), ("funds", 3, "Coin", 1),
                ("input", 4, "bytes", 0)],
    # ibc/core/client/v1/tx.proto, ibc/core/client/v2/tx.proto
    "Height": [("revision_number", 1, "uint64", 0), ("revision_height", 2, "uint64", 0)],
    "MsgCreateClient": [("client_state", 1, "Any", 0), ("consensus_state", 2, "Any", 0), ("signer", 3, "string", 0)],
    "MsgUpdateClient": [("client_id", 1, "string", 0), ("client_message", 2, "Any", 0), ("signer", 3, "string", 0)],
    "MsgRegisterCounterparty": [("client_id", 1, "string", 0), ("counterparty_merkle_prefix", 2, "bytes", 1),
                                ("counterparty_client_id", 3, "string", 0), ("signer", 4, "string", 0)],
    # ibc/core/channel/v2/packet.proto, tx.proto
    "Payload": [("source_port", 1, "string", 0), ("destination_port", 2, "string", 0), ("version", 3, "string", 0),
                ("encoding", 4, "string", 0), ("value", 5, "bytes", 0)],
    "Packet": [("sequence", 1, "uint64", 0), ("source_client", 2, "string", 0),
               ("destination_client", 3, "string", 0), ("timeout_timestamp", 4, "uint64", 0),
               ("payloads", 5, "Payload", 1)],
    "Acknowledgement": [("app_acknowledgements", 1, "bytes", 1)],
    "MsgSendPacket": [("source_client", 1, "string", 0), ("timeout_timestamp", 2, "uint64", 0),
                      ("payloads", 3, "Payload", 1), ("signer", 4, "string", 0)],
    "MsgRecvPacket": [("packet", 1, "Packet", 0), ("proof_commitment", 2, "bytes", 0),
                      ("proof_height", 3, "Height", 0), ("signer", 4, "string", 0)],
    "MsgAcknowledgement": [("packet", 1, "Packet", 0), ("acknowledgement", 2, "Acknowledgement", 0),
                           ("proof_acked", 3, "bytes", 0), ("proof_height", 4, "Height", 0),
                           ("signer", 5, "string", 0)],
    "MsgTimeout": [("packet", 1, "Packet", 0), ("proof_unreceived", 2, "bytes", 0), ("proof_height", 3, "Height", 0),
                   ("signer", 5, "string", 0)],
    # cosmos/base/abci/v1beta1/abci.proto (field 1 is deprecated), tendermint/abci/types.proto
    "TxMsgData": [("msg_responses", 2, "Any", 1)],
    "MsgSendPacketResponse": [("sequence", 1, "uint64", 0)],
    "MsgRecvPacketResponse": [("result", 1, "int32", 0)],
    "EventAttribute": [("key", 1, "string", 0), ("value", 2, "string", 0), ("index", 3, "bool", 0)],
    "Event": [("type", 1, "string", 0), ("attributes", 2, "EventAttribute", 1)],
    "ExecTxResult": [("code", 1, "uint32", 0), ("data", 2, "bytes", 0), ("log", 3, "string", 0),
                     ("info", 4, "string", 0), ("gas_wanted", 5, "int64", 0), ("gas_used", 6, "int64", 0),
                     ("events", 7, "Event", 1), ("codespace", 8, "string", 0)],
}


def types():
    file = descriptor_pb2.FileDescriptorProto(name="ledger.proto", package="l", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL
            if kind in KINDS:
                message.field.add(name=field, number=number, label=label, type=KINDS[kind])
            else:
                message.field.add(name=field, number=number, label=label, type=F.TYPE_MESSAGE, type_name=".l." + kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName("l." + name)) for name in MESSAGES}


T = types()


def hex0(data):
    return "0x" + data.hex()


def any_of(url, message):
    return T["Any"](type_url=url, value=message if isinstance(message, bytes) else message.SerializeToString())


def write(name, source, cases):
    ROOT.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases)
    head = json.dumps({"schema": f"causeway/ledger/{name}/v1", "source": source})[:-1]
    (ROOT / f"{name}.json").write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


class Key:
    def __init__(self, kind, seed):
        self.kind = kind
        self.seed = hashlib.sha256(seed.encode()).digest()
        if kind == "secp256k1":
            self.private = coincurve.PrivateKey(self.seed)
            self.public = self.private.public_key.format(compressed=True)
            self.address = RIPEMD160.new(hashlib.sha256(self.public).digest()).digest()
        else:
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed)
            raw = serialization.Encoding.Raw
            self.public = self.private.public_key().public_bytes(raw, serialization.PublicFormat.Raw)
            self.address = hashlib.sha256(self.public).digest()[:20]
        self.text = bech32.bech32_encode("cause", bech32.convertbits(self.address, 8, 5))

    def any(self):
        return any_of(f"/cosmos.crypto.{self.kind}.PubKey", T["PubKey"](key=self.public))

    def sign(self, message):
        if self.kind == "ed25519":
            return self.private.sign(message)
        # libsecp256k1 gives r, s with low s; the last byte is the recovery id.
        return self.private.sign_recoverable(message)[:64]


ALICE = Key("secp256k1", "alice")
BOB = Key("ed25519", "bob")
SIGNER = ALICE.text


def transaction(name, key, messages, memo="", timeout=0, sequence=0, fee=(), gas=200_000, number=0, chain="harbor-1"):
    body = T["TxBody"](messages=messages, memo=memo, timeout_height=timeout).SerializeToString()
    mode = T["ModeInfo"](single=T["Single"](mode=1))
    info = T["AuthInfo"](
        signer_infos=[T["SignerInfo"](public_key=key.any(), mode_info=mode, sequence=sequence)],
        fee=T["Fee"](amount=[T["Coin"](denom=d, amount=a) for d, a in fee], gas_limit=gas)).SerializeToString()
    doc = T["SignDoc"](body_bytes=body, auth_info_bytes=info, chain_id=chain, account_number=number)
    signed = doc.SerializeToString()
    signature = key.sign(signed)
    raw = T["TxRaw"](body_bytes=body, auth_info_bytes=info, signatures=[signature]).SerializeToString()
    return {"name": name, "key": key.kind, "seed": hex0(key.seed), "public": hex0(key.public), "address": key.text,
            "chain": chain, "number": str(number), "sequence": str(sequence), "gas": str(gas), "memo": memo,
            "timeout": str(timeout), "fee": [[d, a] for d, a in fee],
            "messages": [[m.type_url, hex0(m.value)] for m in messages], "sign_bytes": hex0(signed),
            "signature": hex0(signature), "tx": hex0(raw), "hash": hex0(hashlib.sha256(raw).digest())}


PAYLOAD = dict(source_port="transfer", destination_port="transfer", version="ics20-1",
               encoding="application/x-solidity-abi", value=bytes(range(1, 40)))
PACKET = dict(sequence=7, source_client="client-0", destination_client="07-tendermint-12",
              timeout_timestamp=1_800_000_000)


def packet():
    return T["Packet"](payloads=[T["Payload"](**PAYLOAD)], **PACKET)


def messages():
    coins = [T["Coin"](denom="ucause", amount="340282366920938463463374607431768211456"),
             T["Coin"](denom="transfer/client-0/x", amount="1")]
    height = T["Height"](revision_number=1, revision_height=300)
    zero = T["Height"]()
    state = any_of("/causeway.gate.v1.PolicyClientState", b"\x0a\x02{}")
    return [
        ("send", "/cosmos.bank.v1beta1.MsgSend", T["MsgSend"](from_address=SIGNER, to_address=BOB.text, amount=coins)),
        ("call", "/causeway.program.v1.MsgCall",
         T["MsgCall"](caller=SIGNER, program=BOB.text, funds=coins[1:], input=b'{"get":{}}')),
        ("create", "/ibc.core.client.v1.MsgCreateClient",
         T["MsgCreateClient"](client_state=state, consensus_state=any_of("/x.Y", b"\x01"), signer=SIGNER)),
        ("update", "/ibc.core.client.v1.MsgUpdateClient",
         T["MsgUpdateClient"](client_id="client-0", client_message=any_of("/causeway.gate.v1.Evidence", b"\x08\x01"),
                              signer=SIGNER)),
        ("register", "/ibc.core.client.v2.MsgRegisterCounterparty",
         T["MsgRegisterCounterparty"](client_id="client-0", counterparty_merkle_prefix=[b"ibc", b""],
                                      counterparty_client_id="07-tendermint-12", signer=SIGNER)),
        ("sendPacket", "/ibc.core.channel.v2.MsgSendPacket",
         T["MsgSendPacket"](source_client="client-0", timeout_timestamp=1_800_000_000,
                            payloads=[T["Payload"](**PAYLOAD)], signer=SIGNER)),
        ("receive", "/ibc.core.channel.v2.MsgRecvPacket",
         T["MsgRecvPacket"](packet=packet(), proof_commitment=b"\x0a\x00", proof_height=height, signer=SIGNER)),
        ("acknowledge", "/ibc.core.channel.v2.MsgAcknowledgement",
         T["MsgAcknowledgement"](packet=packet(),
                                 acknowledgement=T["Acknowledgement"](app_acknowledgements=[b"\x01"]),
                                 proof_acked=b"\x0a\x00", proof_height=zero, signer=SIGNER)),
        ("timeOut", "/ibc.core.channel.v2.MsgTimeout",
         T["MsgTimeout"](packet=packet(), proof_unreceived=b"\x0a\x00", proof_height=height, signer=SIGNER)),
    ]


def main():
    source = "google protobuf, bech32, coincurve (libsecp256k1), pyca/cryptography, pycryptodome"
    all_messages = [any_of(url, message) for _, url, message in messages()]
    write("messages", source, [
        {"name": name, "type": url, "value": hex0(message.SerializeToString()), "signer": SIGNER}
        for name, url, message in messages()])
    send_bob = any_of("/cosmos.bank.v1beta1.MsgSend", T["MsgSend"](
        from_address=BOB.text, to_address=ALICE.text, amount=[T["Coin"](denom="ucause", amount="25")]))
    many = [Key("secp256k1", f"key {i}") for i in range(4)] + [Key("ed25519", f"key {i}") for i in range(4)]
    cases = [
        transaction("one message, all defaults", ALICE, all_messages[:1]),
        transaction("every message", ALICE, all_messages, memo="hello — grüße", timeout=900, sequence=5,
                    fee=[("ucause", "1000")], gas=4_000_000, number=3),
        transaction("Ed25519", BOB, [send_bob], sequence=(1 << 64) - 2, fee=[("ucause", "200"), ("ucause", "1")],
                    number=(1 << 63) + 1, chain="island-1"),
    ]
    cases += [transaction(f"key {i}", key, [any_of("/cosmos.bank.v1beta1.MsgSend", T["MsgSend"](
        from_address=key.text, to_address=ALICE.text, amount=[T["Coin"](denom="ucause", amount=str(10 ** i))]))],
        sequence=i, fee=[("ucause", "200")], number=i + 7) for i, key in enumerate(many)]
    write("transactions", source, cases)
    data = T["TxMsgData"](msg_responses=[
        any_of("/cosmos.bank.v1beta1.MsgSendResponse", b""),
        any_of("/ibc.core.channel.v2.MsgSendPacketResponse", T["MsgSendPacketResponse"](sequence=9)),
        any_of("/ibc.core.channel.v2.MsgRecvPacketResponse", T["MsgRecvPacketResponse"](result=3)),
    ]).SerializeToString()
    events = [T["Event"](type="tx", attributes=[T["EventAttribute"](key="fee", value="2ucause", index=True)]),
              T["Event"](type="empty", attributes=[])]
    good = T["ExecTxResult"](data=data, gas_wanted=200_000, gas_used=70_000, events=events)
    bad = T["ExecTxResult"](code=32, log="sequence: x", gas_wanted=1, gas_used=1, codespace="sdk")
    write("results", source, [
        {"name": "good", "data": hex0(data), "value": hex0(good.SerializeToString())},
        {"name": "bad", "data": "0x", "value": hex0(bad.SerializeToString())}])


main()
