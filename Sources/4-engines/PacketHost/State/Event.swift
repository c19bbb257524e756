/// Something that happened in a block, in the form that CometBFT indexes: a type, and named texts.
public struct Event: Hashable, Sendable {
  public struct Attribute: Hashable, Sendable {
    public let key: String
    public let value: String
    /// Whether nodes keep it for searches; an attribute that nobody searches by costs them as much as any.
    public let isIndexed: Bool

    public init(_ key: String, _ value: String, isIndexed: Bool = true) {
      self.key = key
      self.value = value
      self.isIndexed = isIndexed
    }
  }

  public let type: String
  public let attributes: [Attribute]

  public init(_ type: String, _ attributes: [Attribute]) {
    self.type = type
    self.attributes = attributes
  }

  /// - Parameter unindexed: what stands behind the others, and is not for searches.
  public init(
    _ type: String, _ attributes: KeyValuePairs<String, String>,
    unindexed: KeyValuePairs<String, String> = [:]
  ) {
    self.init(
      type,
      attributes.map { Attribute($0.key, $0.value) }
        + unindexed.map { Attribute($0.key, $0.value, isIndexed: false) })
  }

  /// The first attribute called `key`.
  public func value(_ key: String) -> String? { attributes.first { $0.key == key }?.value }
}
