// MerkleProofsTests: filled by its owner.
