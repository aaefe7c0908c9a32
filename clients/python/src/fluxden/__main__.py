"""`python -m fluxden` is the command `fluxden`."""

from fluxden.command import main

main()
