public import ArgumentParser
public import Devnet

/// Lanes are named as the devnet names them.
extension Network.Lane.Kind: ExpressibleByArgument {}
