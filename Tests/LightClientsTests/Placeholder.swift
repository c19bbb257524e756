// LightClientsTests: filled by its owner.
