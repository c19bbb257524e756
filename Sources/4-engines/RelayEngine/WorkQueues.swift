/// A packet inside the engine: its origin's end by number, and its sequence.
struct Slot: Hashable, Comparable, Sendable {
  let end: Int
  let sequence: UInt64

  static func < (left: Slot, right: Slot) -> Bool {
    left.end == right.end ? left.sequence < right.sequence : left.end < right.end
  }
}

/// A place in a queue. It is void once its packet has gone to another place, which gives it another number.
struct Ticket: Hashable, Sendable {
  let slot: Slot
  let number: UInt64
}

/// First in, first out.
struct Fifo: Hashable, Sendable {
  private var items: [Ticket] = []
  private var head = 0

  var count: Int { items.count - head }
  var first: Ticket? { head < items.count ? items[head] : nil }

  mutating func push(_ ticket: Ticket) { items.append(ticket) }

  mutating func pop() -> Ticket? {
    guard head < items.count else { return nil }
    let ticket = items[head]
    head += 1
    if head >= 64, head * 2 >= items.count {
      items.removeFirst(head)
      head = 0
    }
    return ticket
  }

  mutating func keep(where isValid: (Ticket) -> Bool) {
    items = items[head...].filter(isValid)
    head = 0
  }
}

/// Live traffic and backlog, apart.
struct WorkQueues: Hashable, Sendable {
  var live = Fifo()
  var backlog = Fifo()

  var count: Int { live.count + backlog.count }

  mutating func push(_ ticket: Ticket, isLive: Bool) {
    if isLive { live.push(ticket) } else { backlog.push(ticket) }
  }

  /// The next one: live first, but every fourth turn is the backlog's.
  mutating func pop(turn: inout Int) -> Ticket? {
    turn = (turn + 1) % 4
    return turn == 0 ? backlog.pop() ?? live.pop() : live.pop() ?? backlog.pop()
  }
}

/// A binary heap: the smallest key first, and among equals the first that came.
struct Waiting<Key: Comparable & Sendable, Item: Sendable>: Sendable {
  private var entries: [(key: Key, order: UInt64, item: Item)] = []
  private var order: UInt64 = 0

  var count: Int { entries.count }
  var firstKey: Key? { entries.first?.key }
  var first: Item? { entries.first?.item }

  mutating func push(_ key: Key, _ item: Item) {
    order &+= 1
    entries.append((key, order, item))
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard precedes(index, parent) else { break }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  /// The first item whose key is at most `key`.
  mutating func pop(through key: Key) -> Item? {
    guard let first = entries.first, first.key <= key else { return nil }
    return removeFirst()
  }

  mutating func removeFirst() -> Item? {
    guard let first = entries.first else { return nil }
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var index = 0
    while true {
      let left = 2 * index + 1
      guard left < entries.count else { break }
      let right = left + 1
      let child = right < entries.count && precedes(right, left) ? right : left
      guard precedes(child, index) else { break }
      entries.swapAt(index, child)
      index = child
    }
    return first.item
  }

  mutating func keep(where isValid: (Item) -> Bool) {
    // A sorted array is a heap.
    entries = entries.filter { isValid($0.item) }.sorted { ($0.key, $0.order) < ($1.key, $1.order) }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    (entries[left].key, entries[left].order) < (entries[right].key, entries[right].order)
  }
}
