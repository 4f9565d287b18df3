"""Which carton a parcel's contents go into: a packer that proves what fits, bounds that prove what cannot."""
