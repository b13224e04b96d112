"""The library of the book *Variational Autoencoders: every equation runs*.

One chapter, one module, same name: chapter 4, "Reparameterization", teaches
`vae_lib.reparameterization`. Importing the package imports none of them.
"""

__version__ = "0.1.0"
