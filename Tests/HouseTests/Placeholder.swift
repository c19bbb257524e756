// HouseTests: filled by its owner.
