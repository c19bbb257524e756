// LightClients: filled by its owner.
