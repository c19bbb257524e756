private import Encodings
private import RelayEngine

/// Bodies over the rows that a relayer reads back from its file.
public enum RelayEngineBodies {
  public static let all: [FuzzBody] = [packet, end]

  private static let word = "0x" + String(repeating: "ab", count: 32)

  private static let packetSeed = """
    {"origin":["cosmos:harbor-1","client-0"],"sequence":7,"status":"discovered","live":true,\
    "contents":{"commitment":"\(word)","timeout":1767225600,"size":300},"sentHeight":"1-9",\
    "receivedHeight":"1-12","answer":{"commitment":"\(word)","success":true,"size":20,"height":"1-12"},\
    "ending":{"timeout":false,"height":"1-20"},"lastRefusal":"outOfGas","task":null,"attempts":2,"lookups":0,\
    "groupMax":100,"notBefore":1767225600123,"firstSeen":1767225600000}
    """
  private static let sparseSeed = """
    {"origin":["cosmos:harbor-1","client-0"],"sequence":1,"status":"discovered","live":false,"contents":null,\
    "sentHeight":"0-1","receivedHeight":null,"answer":null,"ending":null,"lastRefusal":null,"task":null,\
    "attempts":0,"lookups":1,"groupMax":1,"notBefore":null,"firstSeen":0}
    """
  private static let endSeed = """
    {"end":["cosmos:harbor-1","client-0"],"paused":false,"finalityViolated":true,"ended":[[1,4],[6,6],[9,12]]}
    """

  static let packet = FuzzBody(
    name: "relay-packet-row", seeds: [[UInt8](packetSeed.utf8), [UInt8](sparseSeed.utf8)]
  ) { bytes in
    guard let json = try? JSONValue(decoding: bytes), let row = try? PacketRecord(json: json) else { return }
    precondition(row.json == json)
    precondition((try? JSONValue(decoding: [UInt8](row.json.text().utf8))) == json)
  }

  static let end = FuzzBody(name: "relay-end-row", seeds: [[UInt8](endSeed.utf8)]) { bytes in
    guard let json = try? JSONValue(decoding: bytes), let row = try? EndRecord(json: json) else { return }
    precondition(row.json == json)
  }
}
