/// Splits a call's gas between fuel, which the contract and the engine burn, and what the backend charged itself.
///
/// While the contract runs its fuel lies in wasmtime's store; an import takes it out into `fuel`, charges, and puts
/// it back. The store holds one unit more than is left: wasmtime lets straight code run past the last unit and only
/// looks at loops and calls, and with the extra unit "none left" and "too much used" can be told apart.
struct GasMeter: Hashable, Sendable {
  /// VM units.
  let limit: UInt64
  /// VM units that the backend charged.
  private(set) var external: UInt64 = 0
  /// Units of fuel left.
  private(set) var fuel: UInt64
  private(set) var isExhausted = false

  init(limit: UInt64) {
    self.limit = limit
    fuel = limit / VMGas.perFuel
  }

  /// What goes into the store.
  var fuelForStore: UInt64 { fuel + 1 }

  /// Takes back what the store holds.
  mutating func takeBack(_ stored: UInt64) {
    if stored == 0 { exhaust() } else { fuel = min(fuel, stored - 1) }
  }

  /// Charges work of the engine, rounded up to fuel.
  mutating func charge(_ units: UInt64) throws(CallFailure) {
    let (whole, rest) = units.quotientAndRemainder(dividingBy: VMGas.perFuel)
    try burn(whole + (rest == 0 ? 0 : 1))
  }

  /// Counts what the backend charged, to the unit: fuel shrinks by what no longer fits beside it.
  mutating func count(external units: UInt64) throws(CallFailure) {
    let (sum, overflow) = external.addingReportingOverflow(units)
    let before = limit &- min(external, limit)
    external = overflow ? .max : sum
    guard !overflow, sum <= limit else { throw exhaust() }
    try burn(before / VMGas.perFuel - (limit - sum) / VMGas.perFuel)
  }

  private mutating func burn(_ units: UInt64) throws(CallFailure) {
    guard !isExhausted, units <= fuel else { throw exhaust() }
    fuel -= units
  }

  /// Marks the gas as used up.
  @discardableResult
  mutating func exhaust() -> CallFailure {
    isExhausted = true
    fuel = 0
    return .outOfGas
  }

  /// VM units left.
  var left: UInt64 { fuel * VMGas.perFuel }

  /// VM units used by the contract and the engine.
  var internalUsed: UInt64 {
    let room = limit - min(external, limit)
    guard !isExhausted else { return room }
    return (room / VMGas.perFuel - fuel) * VMGas.perFuel
  }
}
