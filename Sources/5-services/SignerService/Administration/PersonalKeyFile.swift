import Encodings
internal import KeyVault
internal import Secrets
public import SignerJournal
import WireBytes

/// Why the file of a person's key is not used.
public enum PersonalKeyError: Error, Hashable, Sendable {
  case file(FileCallError)
  case absent
  /// It is no such file, or of another kind of key.
  case form
}

/// A key of 32 bytes that a person carries, never a signer: JSON `{"schema", "public", "seed"}` in a file of mode 0600.
struct PersonalKeyFile {
  /// Which kind of key it is.
  let schema: String
  let files: any DurableFiles
  /// The public half of a seed; nil for bytes that are no such key.
  let publicKey: (Span<UInt8>) -> Bytes32?

  /// Makes a key and its file; one that exists is not overwritten.
  func make(_ path: String) throws(PersonalKeyError) -> (seed: VaultSecret, publicKey: Bytes32) {
    let seed = VaultSecret(SecretBytes(random: 32))
    guard let key = seed.withSpan({ publicKey($0) }) else { throw .form }
    // The text is the file's; the copy of it goes with this call.
    let text = seed.withSpan { seed in
      JSONValue.object([
        "schema": .string(schema), "public": .string(key.description), "seed": .string(Hex.encode(seed)),
      ]).text(pretty: true) + "\n"
    }
    do throws(FileCallError) {
      let file = try files.open(path, .makeNew)
      defer { files.close(file) }
      try files.write(file, [UInt8](text.utf8), at: 0)
      try files.flush(file)
      try files.flushDirectory(StateFile.folder(of: path))
    } catch { throw .file(error) }
    return (seed, key)
  }

  func open(_ path: String) throws(PersonalKeyError) -> (seed: VaultSecret, publicKey: Bytes32) {
    let bytes: [UInt8]?
    do { bytes = try StateFile.read(path, files) } catch { throw .file(error) }
    guard let bytes else { throw .absent }
    guard let value = try? JSONValue(decoding: bytes), value["schema"]?.string == schema,
      let text = value["seed"]?.string, var read = try? Hex.decode(text), read.count == 32
    else { throw .form }
    let seed = VaultSecret(SecretBytes(wiping: &read))
    guard let key = seed.withSpan({ publicKey($0) }), value["public"]?.string == key.description else {
      throw .form
    }
    return (seed, key)
  }
}
