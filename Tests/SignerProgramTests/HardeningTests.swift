import Encodings
import Foundation
import Testing

/// What a hardened process may not do, shown by one that tries.
@Suite("A hardened process", .timeLimit(.minutes(10)))
struct HardeningTests {
  /// Whether this kernel filters system calls at all; a sandbox around the tests may not.
  static let filters: Bool = {
    let run = try? SignerProgram.run(["self-test", "hardening", "--json"])
    return (try? run?.json())?["measures"]?["system-call-filter"]?.string == "done"
  }()

  @Test("says of each measure whether it was done, and ends with 3 when one was not")
  func report() throws {
    let run = try SignerProgram.run(["self-test", "hardening", "--json"])
    let measures = try #require(try run.json()["measures"]?.object)
    #expect(
      Set(measures.keys) == [
        "no-core-dumps", "no-new-privileges", "locked-memory", "closed-files", "system-call-filter",
      ])
    for name in ["no-core-dumps", "no-new-privileges", "closed-files"] {
      #expect(measures[name]?.string == "done", "\(name): \(measures[name]?.string ?? "")")
    }
    let missing = measures.values.filter { $0.string?.hasPrefix("not possible: ") == true }
    #expect(run.code == (missing.isEmpty ? 0 : 3))
  }

  @Test("says in words what each measure is for")
  func words() throws {
    let run = try SignerProgram.run(["self-test", "hardening", "--seccomp", "off"])
    #expect(run.output.contains("no core dumps, memory closed to other processes"))
    #expect(run.output.contains("off, as asked (--seccomp off)"))
  }

  @Test("is seen by the kernel as filtered, unprivileged for ever, without core files")
  func status() throws {
    let held = try Held(["self-test", "hardening", "--hold"])
    defer { held.end() }
    let status = try held.file("status")
    #expect(status.contains("NoNewPrivs:\t1\n"))
    if Self.filters { #expect(status.contains("Seccomp:\t2\n")) }
    let limits = try held.file("limits")
    let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
    #expect(core.split(separator: " ").suffix(3) == ["0", "0", "bytes"])
  }

  @Test("filters threads that ran before, too")
  func threads() throws {
    guard Self.filters else { return }
    let held = try Held(["self-test", "hardening", "--hold"])
    defer { held.end() }
    for thread in try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(held.process.processIdentifier)/task")
    {
      #expect(try held.file("task/\(thread)/status").contains("Seccomp:\t2\n"))
    }
  }

  @Test(
    "is ended by the kernel when it does what only an intruder would",
    .enabled(if: Self.filters, "this kernel does not filter system calls"),
    arguments: ["execute", "trace", "read-other", "mount", "bpf", "keyring", "module"])
  func deadly(act: String) throws {
    let run = try SignerProgram.run(["self-test", "hardening", "--attempt", act])
    #expect(run.wasKilled && run.code == SIGSYS, "\(act): \(run.code) \(run.output)")
  }

  @Test(
    "is refused what a signer has no need of",
    .enabled(if: Self.filters, "this kernel does not filter system calls"),
    arguments: ["fork", "map-code", "connect", "internet", "dumpable", "core-limit"])
  func refused(act: String) throws {
    let run = try SignerProgram.run(["self-test", "hardening", "--json", "--attempt", act])
    #expect(
      !run.wasKilled && run.output.contains(#""errno": \#(EPERM)"#), "\(act): \(run.code) \(run.output)")
  }

  @Test(
    "with tokens may load code and connect, and still not start a program",
    .enabled(if: Self.filters, "this kernel does not filter system calls"))
  func tokens() throws {
    let arguments = ["self-test", "hardening", "--tokens", "--attempt"]
    #expect(try SignerProgram.run(arguments + ["map-code"]).output.contains("was possible"))
    #expect(!(try SignerProgram.run(arguments + ["connect"])).output.contains("(errno \(EPERM))"))
    #expect(try SignerProgram.run(arguments + ["execute"]).wasKilled)
    #expect(try SignerProgram.run(arguments + ["fork"]).output.contains("refused (errno \(EPERM))"))
  }

  @Test("can do all of that when the filter is off, so that the filter is what stops it")
  func unfiltered() throws {
    for act in ["fork", "map-code"] {
      let run = try SignerProgram.run(["self-test", "hardening", "--seccomp", "off", "--attempt", act])
      #expect(run.output.contains("\(act): was possible"), "\(act): \(run.output)")
      #expect(run.code == 1)
    }
  }

  @Test("leaves no core file when it is ended by a trap")
  func core() throws {
    let folder = try Folder()
    defer { folder.remove() }
    let run = try SignerProgram.run(["self-test", "hardening", "--attempt", "abort"])
    #expect(run.wasKilled && run.code == SIGABRT)
  }

  /// As root nothing is closed to a reader, so this is shown as another user where the tests may become one.
  @Test("does not let another process of its user read its memory, or attach")
  func memory() throws {
    let setpriv = "/usr/bin/setpriv"
    let becomes = getuid() == 0 && FileManager.default.isExecutableFile(atPath: setpriv)
    guard getuid() != 0 || becomes else { return }
    let user = becomes ? [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups"] : []
    // The program may lie where the other user cannot look.
    let folder = try Folder()
    defer { folder.remove() }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
    let copy = folder.path + "/causeway-signer"
    try FileManager.default.copyItem(atPath: SignerProgram.path, toPath: copy)
    for (arguments, mayRead) in [
      (["self-test", "hardening", "--hold"], false), (["/bin/cat"], true),
    ] {
      let command = mayRead ? arguments : [copy] + arguments
      let held = try Held(command: user + command, greets: !mayRead)
      defer { held.end() }
      let reader = Process()
      let read = user + ["/bin/cat", "/proc/\(held.process.processIdentifier)/environ"]
      reader.executableURL = URL(fileURLWithPath: read[0])
      reader.arguments = Array(read.dropFirst())
      reader.standardOutput = FileHandle.nullDevice
      reader.standardError = FileHandle.nullDevice
      try reader.run()
      reader.waitUntilExit()
      // `environ` is guarded by the same check as `mem`, and needs no address.
      #expect((reader.terminationStatus == 0) == mayRead, "\(command)")
    }
  }
}

/// A process that waits for the end of its input, after it has said something.
private final class Held {
  let process = Process()
  private let input = Pipe()

  convenience init(_ arguments: [String]) throws {
    try self.init(command: [SignerProgram.path] + arguments, greets: true)
  }

  init(command: [String], greets: Bool) throws {
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.environment = SignerProgram.environment
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    if greets {
      _ = output.fileHandleForReading.availableData
    } else {
      // `cat` gives back what it is given, once it runs.
      try input.fileHandleForWriting.write(contentsOf: Data("x".utf8))
      _ = output.fileHandleForReading.availableData
    }
  }

  func file(_ name: String) throws -> String {
    try String(contentsOfFile: "/proc/\(process.processIdentifier)/\(name)", encoding: .utf8)
  }

  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
