"""Systems whose user turns are fixed in advance."""
