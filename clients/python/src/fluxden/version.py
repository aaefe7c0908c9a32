"""The version of the client, which is the version of the desks that it was generated from."""

VERSION = "0.1.0"
