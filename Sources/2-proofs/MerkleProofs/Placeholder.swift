// MerkleProofs: filled by its owner.
