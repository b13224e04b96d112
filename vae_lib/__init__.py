"""The library of the book *Variational Autoencoders: every equation runs*.

A chapter and its module have one name: chapter 4, "Reparameterization", teaches
`vae_lib.reparameterization`. Importing the package imports none of them.
"""

__version__ = "0.1.0"
