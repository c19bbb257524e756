/// Code that eats arbitrary bytes and must neither trap nor break a stated property.
///
/// A body throws nothing and returns nothing: a broken property is a `precondition` failure, which both libFuzzer and
/// the smoke run report as a crash.
public struct FuzzBody: Sendable {
  /// The name on the fuzzer's command line: the decoder it feeds.
  public let name: String
  /// Valid inputs to start mutating from.
  public let seeds: [[UInt8]]
  public let run: @Sendable ([UInt8]) -> Void

  public init(name: String, seeds: [[UInt8]], run: @escaping @Sendable ([UInt8]) -> Void) {
    self.name = name
    self.seeds = seeds
    self.run = run
  }
}
