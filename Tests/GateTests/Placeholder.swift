// GateTests: filled by its owner.
