import WireBytes

/// The guardian sets of Wormhole's mainnet, as published.
///
/// Facts, taken from wormhole guardianset/mainnetv2/canonical_sets/guardianSetVAAs.csv at 640e1848: set 0 is the launch
/// key, each further set was installed by a VAA signed by the set before it. The times are those VAAs' timestamps;
/// each chain installs the set when somebody submits the VAA there, so expiry is known to the day, not to the second.
public enum WormholeMainnet {
  private struct Change {
    let timestamp: UInt64
    let keys: [(position: Int, key: String)]
  }

  private static let launch = "58cc3ae5c097b213ce3c81979e1b9f9570746aa5"

  /// Set 1, 19 keys.
  private static let firstTimestamp: UInt64 = 1_628_094_930
  private static let first = [
    "58cc3ae5c097b213ce3c81979e1b9f9570746aa5", "ff6cb952589bde862c25ef4392132fb9d4a42157",
    "114de8460193bdf3a2fcf81f86a09765f4762fd1", "107a0086b32d7a0977926a205131d8731d39cbeb",
    "8c82b2fd82faed2711d59af0f2499d16e726f6b2", "11b39756c042441be6d8650b69b54ebe715e2343",
    "54ce5b4d348fb74b958e8966e2ec3dbd4958a7cd", "eb5f7389fa26941519f0863349c223b73a6ddee7",
    "74a3bf913953d695260d88bc1aa25a4eee363ef0", "000ac0076727b35fbea2dac28fee5ccb0fea768e",
    "af45ced136b9d9e24903464ae889f5c8a723fc14", "f93124b7c738843cbb89e864c862c38cddcccf95",
    "d2cc37a4dc036a8d232b48f62cdd4731412f4890", "da798f6896a3331f64b48c12d1d57fd9cbe70811",
    "71aa1be1d36cafe3867910f99c09e347899c19c3", "8192b6e7387ccd768277c17dab1b7a5027c0b3cf",
    "178e21ad2e77ae06711549cfbb1f9c7a9d8096e8", "5e1487f35515d02a92753504a8d75471b9f49edb",
    "6fbebc898f403e4773e95feb15e80c9a99c8348d",
  ]

  /// Sets 2 to 7: which guardians changed their key, and when.
  private static let changes = [
    Change(timestamp: 1_651_416_474, keys: [(7, "66b9590e1c41e0b226937bf9217d1d67fd4e91f5")]),
    Change(timestamp: 1_673_870_400, keys: [(7, "15e7caf07c4e3dc8e7c469f92c8cd88fb8005a20")]),
    Change(timestamp: 1_713_281_400, keys: [(0, "5893b5a76c3f739645648885bdccc06cd70a3cd3")]),
    Change(
      timestamp: 1_773_580_004,
      keys: [
        (6, "938f104aeb5581293216ce97d771e0cb721221b1"), (14, "d1f64e26238811de5553c40f64af41ee1b6057cc"),
        (15, "43ac8f567a31e7850da532b361988bfe0d3ae11b"),
      ]),
    Change(
      timestamp: 1_777_981_932,
      keys: [
        (5, "42579bffbcf4276e290ab8e4c162bd4052b97970"), (7, "18e41674ccf26329cd111406c1d05c6c80b23edc"),
        (8, "9d16870160e703324d057c3361c34c5befba2c34"), (15, "3f851ad586a47cef8d04748f33ab0d71395f06b4"),
        (17, "7899ceab1dc961dae9defdb7a4f521269a5448fc"),
      ]),
    Change(
      timestamp: 1_783_669_263,
      keys: [
        (7, "f3ea0ad4ffb5a178ae4ebc21861651b25bdcbb91"), (14, "ae565927bb8db25cd8bf3e7bb663d70023e4ea78"),
        (18, "61d9800f9fcb4160fb0c6cf3a0902592bac2b434"),
      ]),
  ]

  /// Sets 0 to 7; the last is current as far as this table knows.
  public static let guardianSets: GuardianSetChain = {
    func key(_ text: String) -> Bytes20 {
      guard let key = try? Bytes20(hex: text) else { preconditionFailure("the table above is hex") }
      return key
    }
    func set(_ index: Int, _ keys: [Bytes20], replaced: UInt64?) -> GuardianSet {
      let standing = replaced.map {
        GuardianSet.Standing.replaced(expires: $0 + GuardianSetChain.overlapSeconds)
      }
      guard let set = try? GuardianSet(index: UInt32(index), keys: keys, standing: standing ?? .current)
      else {
        preconditionFailure("the table above has distinct keys")
      }
      return set
    }
    var sets = [set(0, [key(launch)], replaced: firstTimestamp)]
    var keys = first.map(key)
    for index in 0...changes.count {
      let replaced = index < changes.count ? changes[index].timestamp : nil
      sets.append(set(index + 1, keys, replaced: replaced))
      if index < changes.count {
        for change in changes[index].keys { keys[change.position] = key(change.key) }
      }
    }
    guard let chain = GuardianSetChain(sets: sets) else { preconditionFailure("indices ascend") }
    return chain
  }()
}
