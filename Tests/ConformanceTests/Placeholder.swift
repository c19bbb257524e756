// ConformanceTests: filled by its owner.
