"""Two EVMs behind one interface, built contracts, and calls by ABI."""
