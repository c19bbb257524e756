// OfflineVerification: filled by its owner.
