public import Encodings
public import WireBytes

/// What is asked of SEV-SNP reports. docs/spec/attestation-policy.md lists the members of the JSON form.
///
/// An empty list of measurements, of products or of privilege levels refuses everything.
public struct SEVSNPPolicy: Hashable, Sendable {
  /// A field of a report that names the guest; raw values are members of the JSON form.
  public enum Identity: String, Hashable, Sendable, CaseIterable {
    case measurement
    case hostData
    case idKeyDigest
    case authorKeyDigest
    case familyID = "familyId"
    case imageID = "imageId"

    var length: Int {
      switch self {
      case .measurement, .idKeyDigest, .authorKeyDigest: 48
      case .hostData: 32
      case .familyID, .imageID: 16
      }
    }
  }

  /// A guest that is allowed: the launch measurement, and what else it must have.
  public struct Guest: Hashable, Sendable {
    /// In the order of ``Identity/allCases``; the measurement is always there.
    public let demands: [Demand]

    public struct Demand: Hashable, Sendable {
      public let field: Identity
      public let value: [UInt8]
    }

    public init(measurement: FixedBytes<48>, _ others: [Identity: [UInt8]] = [:]) {
      var values = others
      values[.measurement] = measurement.array
      demands = Identity.allCases.compactMap { field in values[field].map { Demand(field: field, value: $0) }
      }
    }
  }

  /// The least TCB of one product.
  public struct Product: Hashable, Sendable {
    public let product: AMDProduct
    public let minimumTCB: SEVSNPTCB

    public init(_ product: AMDProduct, minimumTCB: SEVSNPTCB) {
      self.product = product
      self.minimumTCB = minimumTCB
    }
  }

  /// The least version of the firmware's interface that the guest must have demanded.
  public struct ABI: Hashable, Sendable {
    public let major: UInt8
    public let minor: UInt8

    public init(major: UInt8, minor: UInt8) {
      self.major = major
      self.minor = minor
    }
  }

  public let guests: [Guest]
  /// Each product at most once.
  public let products: [Product]
  public let endorsements: [SEVSNPEndorsement.Kind]
  /// Privilege levels at which the report may have been asked for.
  public let vmpls: [UInt32]
  public let minimumGuestSVN: UInt32
  public let minimumABI: ABI?
  /// Chips that are allowed; nil allows any.
  public let chips: [Bytes64]?
  public let options: Set<Option>

  /// Demands that are on or off; raw values are members of the JSON form, false when absent.
  public enum Option: String, Hashable, Sendable, CaseIterable {
    case allowDebug
    case allowMigrationAgent
    case allowMaskedChip
    case requireSingleSocket
    case requireNoMultithreading
    case requireRevocation
  }

  public init(
    guests: [Guest], products: [Product], endorsements: [SEVSNPEndorsement.Kind] = [.vcek, .vlek],
    vmpls: [UInt32] = [0], minimumGuestSVN: UInt32 = 0, minimumABI: ABI? = nil, chips: [Bytes64]? = nil,
    options: Set<Option> = []
  ) {
    self.guests = guests
    self.products = products
    self.endorsements = endorsements
    self.vmpls = vmpls
    self.minimumGuestSVN = minimumGuestSVN
    self.minimumABI = minimumABI
    self.chips = chips
    self.options = options
  }

  private static let members: Set<String> = Set(
    ["measurements", "products", "endorsements", "vmpls", "minimumGuestSVN", "minimumABI", "chips"]
      + Option.allCases.map(\.rawValue))

  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(json, path: path, known: Self.members)
    guests = try Self.guests(object, path: path)
    products = try Self.products(object, path: path)
    endorsements = try Read.words(object, "endorsements", path: path)
    var levels: [UInt32] = []
    let list = Read.join(path, "vmpls")
    for (index, element) in try Read.array(object, "vmpls", path: path, countMax: 4).enumerated() {
      let level: UInt32 = try Read.integer([String(index): element], String(index), path: list, in: 0...3)
      guard !levels.contains(level) else { throw .duplicate(path: Read.join(list, String(index))) }
      levels.append(level)
    }
    vmpls = levels
    minimumGuestSVN =
      try Read.optional(object, "minimumGuestSVN") { (name) throws(AttestationPolicyError) in
        try Read.integer(object, name, path: path, in: 0...UInt32.max)
      } ?? 0
    minimumABI = try Read.optional(object, "minimumABI") { (name) throws(AttestationPolicyError) in
      let here = Read.join(path, name)
      let parts = try Read.object(object[name] ?? .null, path: here, known: ["major", "minor"])
      return ABI(
        major: try Read.integer(parts, "major", path: here, in: 0...255),
        minor: try Read.integer(parts, "minor", path: here, in: 0...255))
    }
    chips = try Read.optional(object, "chips") { (name) throws(AttestationPolicyError) in
      try Read.hexList(object, name, path: path, lengths: 64...64).map { Bytes64($0.span, at: 0) }
    }
    var options: Set<Option> = []
    for option in Option.allCases where try Read.flag(object, option.rawValue, path: path) {
      options.insert(option)
    }
    self.options = options
  }

  private static func guests(
    _ object: [String: JSONValue], path: String
  ) throws(AttestationPolicyError) -> [Guest] {
    typealias Read = PolicyMembers
    let list = Read.join(path, "measurements")
    var guests: [Guest] = []
    for (index, element) in try Read.array(object, "measurements", path: path).enumerated() {
      let here = Read.join(list, String(index))
      let members = try Read.object(element, path: here, known: Set(Identity.allCases.map(\.rawValue)))
      var values: [Identity: [UInt8]] = [:]
      for field in Identity.allCases where field == .measurement || members[field.rawValue] != nil {
        values[field] = try Read.hex(
          members, field.rawValue, path: here, lengths: field.length...field.length)
      }
      let measurement = values[.measurement] ?? []
      let guest = Guest(measurement: FixedBytes<48>(measurement.span, at: 0), values)
      guard !guests.contains(guest) else { throw .duplicate(path: here) }
      guests.append(guest)
    }
    return guests
  }

  private static func products(
    _ object: [String: JSONValue], path: String
  ) throws(AttestationPolicyError) -> [Product] {
    typealias Read = PolicyMembers
    let list = Read.join(path, "products")
    let members = try Read.object(
      object["products"] ?? .null, path: list, known: Set(AMDProduct.allCases.map(\.rawValue)))
    var products: [Product] = []
    for product in AMDProduct.allCases {
      guard let json = members[product.rawValue] else { continue }
      let here = Read.join(list, product.rawValue)
      var known: Set<String> = ["bootLoader", "tee", "snp", "microcode"]
      if product == .turin { known.insert("fmc") }
      let parts = try Read.object(json, path: here, known: known)
      func part(_ name: String) throws(AttestationPolicyError) -> UInt8 {
        try Read.integer(parts, name, path: here, in: 0...255)
      }
      let tcb = SEVSNPTCB(
        fmc: product == .turin ? try part("fmc") : nil, bootLoader: try part("bootLoader"),
        tee: try part("tee"), snp: try part("snp"), microcode: try part("microcode"))
      products.append(Product(product, minimumTCB: tcb))
    }
    return products
  }

  public var json: JSONValue {
    var members: [String: JSONValue] = [
      "measurements": .array(
        guests.map { guest in
          .object(
            Dictionary(guest.demands.map { ($0.field.rawValue, JSONValue.string(Hex.encode($0.value))) }) {
              first, _ in first
            })
        }),
      "endorsements": .array(endorsements.map { .string($0.rawValue) }),
      "vmpls": .array(vmpls.map { .number(String($0)) }),
    ]
    var minima: [String: JSONValue] = [:]
    for product in products {
      var parts: [String: JSONValue] = [:]
      for part in SEVSNPTCB.Part.allCases {
        parts[part.rawValue] = product.minimumTCB[part].map { .number(String($0)) }
      }
      minima[product.product.rawValue] = .object(parts)
    }
    members["products"] = .object(minima)
    if minimumGuestSVN > 0 { members["minimumGuestSVN"] = .number(String(minimumGuestSVN)) }
    members["minimumABI"] = minimumABI.map {
      ["major": .number(String($0.major)), "minor": .number(String($0.minor))]
    }
    members["chips"] = chips.map { .array($0.map { .string($0.description) }) }
    for option in options { members[option.rawValue] = true }
    return .object(members)
  }
}
