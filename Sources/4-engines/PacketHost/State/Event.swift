/// Something that happened in a block, in the form that CometBFT indexes: a type, and named texts.
public struct Event: Hashable, Sendable {
  public struct Attribute: Hashable, Sendable {
    public let key: String
    public let value: String

    public init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  public let type: String
  public let attributes: [Attribute]

  public init(_ type: String, _ attributes: [Attribute]) {
    self.type = type
    self.attributes = attributes
  }

  public init(_ type: String, _ attributes: KeyValuePairs<String, String>) {
    self.init(type, attributes.map { Attribute($0.key, $0.value) })
  }

  /// The first attribute called `key`.
  public func value(_ key: String) -> String? { attributes.first { $0.key == key }?.value }
}
