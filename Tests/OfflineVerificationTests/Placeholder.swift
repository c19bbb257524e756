// OfflineVerificationTests: filled by its owner.
