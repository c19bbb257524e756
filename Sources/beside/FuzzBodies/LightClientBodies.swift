private import Encodings
private import LightClients
private import OfflineVerification
private import WireBytes

/// Bodies over the decoders of LightClients: what decodes encodes to the same bytes.
public enum LightClientBodies {
  public static let all: [FuzzBody] = [header, commit, validatorSet, clientState, lightBlock]

  private static let headerBytes =
    bytes(
      "0a04080b1001120d6272696467652d746573742d31180122060880f2d6ca062a0212003220e3b0c44298fc1c149afbf4c8996fb924"
        + "27ae41e4649b934ca495991b7852b855422037 72037bf1d2389f82900d0b6802c7fb2f2cb1749accfffc9d6e52f855de0496"
    )
  private static let commitBytes =
    bytes("08021a4812002210080112001a0b088092b8c398feffffff01")

  private static func bytes(_ hex: String) -> [UInt8] {
    (try? Hex.decode(hex.filter { $0 != " " })) ?? []
  }

  static let header = FuzzBody(name: "cometbft-header", seeds: [headerBytes]) { bytes in
    guard let header = try? CometBFT.Header(decoding: bytes.span) else { return }
    precondition(header.encoded() == bytes)
    _ = header.hash()
    _ = header.time.description
  }

  static let commit = FuzzBody(name: "cometbft-commit", seeds: [commitBytes]) { bytes in
    guard let commit = try? CometBFT.Commit(decoding: bytes.span) else { return }
    precondition(commit.encoded() == bytes)
    _ = commit.hash()
  }

  /// The proposer and the stated total are dropped, so only the set must come back.
  static let validatorSet = FuzzBody(
    name: "cometbft-validator-set",
    seeds: [
      bytes(
        "0a3c0a1493993f2e73c631caadd3abec4e26b631b842b59812220a20e8202c80fb33dc5087d3be401e168bf296793eccd2052bb8e9"
          + "395b0c61d4da68181e1800")
    ]
  ) { bytes in
    guard let set = try? CometBFT.ValidatorSet(decoding: bytes.span) else { return }
    let encoded = set.encoded()
    precondition((try? CometBFT.ValidatorSet(decoding: encoded.span)) == set)
    precondition(set.totalPower <= CometBFT.powerMax)
    _ = set.stepped()
  }

  static let clientState = FuzzBody(
    name: "tendermint-client-state",
    seeds: [
      bytes(
        "0a0673696d642d321204080110031a040880ea4922040880df6e2a02080f32003a0408021014421922090a080118"
          + "0120012a0100120c0a02000110211804200c30014a07757067726164654a107570677261646564494243537461"
          + "7465")
    ]
  ) { bytes in
    guard let state = try? Tendermint.ClientState(decoding: bytes.span) else { return }
    precondition(state.encoded() == bytes)
    _ = try? state.check()
  }

  static let lightBlock = FuzzBody(
    name: "cometbft-json",
    seeds: [
      [UInt8](
        #"{"signed_header":{"header":{"version":{"block":"11"},"chain_id":"a","height":"1","#.utf8)
        + [UInt8](
          #""time":"2026-01-01T00:00:00Z","last_block_id":null,"validators_hash":"","app_hash":"00"},"#.utf8)
        + [UInt8](
          #""commit":{"height":"1","round":0,"block_id":{"hash":"","parts":{"total":0,"hash":""}},"#.utf8)
        + [UInt8](#""signatures":null}},"validators":[]}"#.utf8)
    ]
  ) { bytes in
    guard let json = try? JSONValue(decoding: bytes) else { return }
    _ = try? CometBFTJSON.lightBlock(json)
    _ = try? CometBFTVerification.verify(json, at: 1_767_225_600)
  }
}
