private import WireBytes

/// Where in its parent a child stands, told from the lengths of what surrounds it (go/proof.go).
extension ICS23.InnerSpec {
  /// Lengths around the child on `branch`: bounds of the prefix, and the suffix.
  private func padding(branch: Int) throws(ICS23.NeighbourError) -> (minimum: Int, maximum: Int, suffix: Int)
  {
    let index = try position(of: branch)
    let before = index * Int(childSize)
    return (
      before + Int(prefixLengthMin), before + Int(prefixLengthMax),
      (childOrder.count - 1 - index) * Int(childSize)
    )
  }

  private func position(of branch: Int) throws(ICS23.NeighbourError) -> Int {
    guard let number = Int32(exactly: branch), childOrder.indices.contains(branch),
      let index = childOrder.firstIndex(of: number)
    else { throw .childOrder(branch: branch) }
    return index
  }

  private static func fits(
    _ step: ICS23.InnerOperation, _ padding: (minimum: Int, maximum: Int, suffix: Int)
  ) -> Bool {
    step.prefix.count >= padding.minimum && step.prefix.count <= padding.maximum
      && step.suffix.count == padding.suffix
  }

  /// The branch on which the child of `step` stands.
  func branch(of step: ICS23.InnerOperation) throws(ICS23.NeighbourError) -> Int {
    for branch in childOrder.indices where Self.fits(step, try padding(branch: branch)) { return branch }
    throw .noPosition(prefix: step.prefix.count, suffix: step.suffix.count)
  }

  /// Whether every child left of that of `step` is the empty child, and there is at least one.
  public func leftBranchesAreEmpty(_ step: ICS23.InnerOperation) throws(ICS23.NeighbourError) -> Bool {
    let count = try branch(of: step)
    guard count > 0 else { return false }
    let start = step.prefix.count - count * Int(childSize)
    guard start >= 0 else { return false }
    return try branchesAreEmpty(0..<count, in: step.prefix, from: start)
  }

  /// Whether every child right of that of `step` is the empty child, and there is at least one.
  public func rightBranchesAreEmpty(_ step: ICS23.InnerOperation) throws(ICS23.NeighbourError) -> Bool {
    let count = childOrder.count - 1 - (try branch(of: step))
    guard count > 0, step.suffix.count == count * Int(childSize) else { return false }
    return try branchesAreEmpty(0..<count, in: step.suffix, from: 0)
  }

  /// Go reads the siblings through the child order, so an order other than 0, 1, … may point outside: refused.
  private func branchesAreEmpty(
    _ branches: Range<Int>, in bytes: [UInt8], from start: Int
  ) throws(ICS23.NeighbourError) -> Bool {
    let size = Int(childSize)
    for branch in branches {
      let from = start + (try position(of: branch)) * size
      guard size >= 0, from >= 0, from <= bytes.count - size else { throw .childOrder(branch: branch) }
      guard emptyChild.span.equals(bytes.span.extracting(from..<(from + size))) else { return false }
    }
    return true
  }

  /// Checks that nothing is left of the path: each step is on the first branch, or only empty children precede it.
  func checkLeftmost(_ path: ArraySlice<ICS23.InnerOperation>) throws(ICS23.NeighbourError) {
    let padding = try padding(branch: 0)
    for index in path.indices where !Self.fits(path[index], padding) {
      guard try leftBranchesAreEmpty(path[index]) else { throw .notLeftmost(layer: index + 1) }
    }
  }

  /// Checks that nothing is right of the path.
  func checkRightmost(_ path: ArraySlice<ICS23.InnerOperation>) throws(ICS23.NeighbourError) {
    let padding = try padding(branch: childOrder.count - 1)
    for index in path.indices where !Self.fits(path[index], padding) {
      guard try rightBranchesAreEmpty(path[index]) else { throw .notRightmost(layer: index + 1) }
    }
  }

  /// Checks that no leaf can lie between two paths under one root.
  ///
  /// The Go library indexes the last element without looking whether there is one; here paths that run out are
  /// refused.
  public func checkNeighbours(
    left: [ICS23.InnerOperation], right: [ICS23.InnerOperation]
  ) throws(ICS23.NeighbourError) {
    var leftEnd = left.count - 1
    var rightEnd = right.count - 1
    // Above the fork both paths make the same steps.
    while leftEnd >= 0, rightEnd >= 0, left[leftEnd].prefix == right[rightEnd].prefix,
      left[leftEnd].suffix == right[rightEnd].suffix
    {
      leftEnd -= 1
      rightEnd -= 1
    }
    guard leftEnd >= 0, rightEnd >= 0 else { throw .pathsDoNotPart }
    let leftBranch = try branch(of: left[leftEnd])
    let rightBranch = try branch(of: right[rightEnd])
    guard rightBranch == leftBranch + 1 else { throw .notAdjacent(left: leftBranch, right: rightBranch) }
    try checkRightmost(left[..<leftEnd])
    try checkLeftmost(right[..<rightEnd])
  }
}
