"""What the contracts must do, computed without them: hashlib, eth_abi, coincurve and a few functions of our own."""
