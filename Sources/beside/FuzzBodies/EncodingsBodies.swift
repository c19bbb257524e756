private import Encodings

/// Bodies over the decoders of Encodings.
public enum EncodingsBodies {
  public static let all: [FuzzBody] = [json]

  /// What is read is written back to a text that reads the same.
  static let json = FuzzBody(
    name: "json", seeds: [[UInt8](#"{"a":[1,-2.5e3,"x\u00e9",true,null]}"#.utf8)]
  ) { bytes in
    guard let value = try? JSONValue(decoding: bytes) else { return }
    let again = try? JSONValue(decoding: [UInt8](value.text().utf8))
    precondition(again == value)
  }
}
