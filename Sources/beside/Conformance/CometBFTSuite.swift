import Encodings

/// CometBFT headers, commits, sign bytes, light-client verdicts, RPC recordings, and the 07-tendermint client.
public enum CometBFTSuite: ConformanceSuite {
  public static let name = "cometbft"
  public static let summary =
    "light client steps and bisections, RPC recordings, header hashes, vote sign bytes, worked chains, "
    + "RFC 6962, 07-tendermint updates"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    let sets = CometBFTRecordings.KnownSets(corpus)
    for file in corpus.files where file.hasSuffix(".json") {
      let json: JSONValue
      do { json = try corpus.json(file) } catch {
        report.fail(file, "file", expected: "a JSON text", actual: "\(error)")
        continue
      }
      run(json, file, corpus, sets, &report)
    }
  }

  private static func run(
    _ json: JSONValue, _ file: String, _ corpus: CorpusDirectory, _ sets: CometBFTRecordings.KnownSets,
    _ report: inout ConformanceReport
  ) {
    if json["initial"] != nil, json["input"]?.array != nil {
      CometBFTLightClientCases.steps(json, file, &report)
    } else if json["primary"] != nil, json["trust_options"] != nil {
      CometBFTLightClientCases.bisection(json, file, &report)
    } else if json["update_client_message"] != nil || json["membership_msg"] != nil,
      json["client_state_hex"] != nil || json["client_state"] != nil
    {
      TendermintClientCases.run(json, file, &report)
    } else if json["cases"]?[0]?["base"] != nil, json["cases"]?[0]?["patch"] != nil {
      TendermintClientCases.patched(json, file, corpus, &report)
    } else if json["validators_sorted"] != nil, json["blocks"] != nil {
      CometBFTEncodingCases.workedChain(json, file, &report)
    } else if json["cases"]?[0]?["leaves_hex"] != nil {
      CometBFTEncodingCases.headers(json, file, &report)
    } else if json["cases"]?[0]?["sign_bytes_hex"] != nil {
      CometBFTEncodingCases.votes(json, file, &report)
    } else if json["source_lines"] != nil, json["expected"] != nil {
      CometBFTEncodingCases.headersInGo(json, file, &report)
    } else if json[0]?["signBytes"] != nil {
      CometBFTEncodingCases.votesInGo(json, file, &report)
    } else if json[0]?["d"] != nil, json[0]?["want"] != nil {
      CometBFTEncodingCases.rfc6962(json, file, &report)
    } else if json["jsonrpc"] != nil {
      CometBFTRecordings.run(json, file, sets, &report)
    } else if json["header"] != nil, json["commit"] != nil {
      CometBFTRecordings.signedHeader(json, file, sets, &report)
    } else if json["chain_id"] != nil, json["validators_hash"] != nil {
      CometBFTRecordings.bareHeader(json, file, &report)
    } else {
      report.skip(file, "file", reason: "no schema of this suite")
    }
  }
}
