// Gate: filled by its owner.
