"""Why a change that a directory asks for can't be made."""


class Changed(Exception):
    """Somebody else has changed it since it was read."""


class NameTaken(Exception):
    """Another person has the address, or another group has the name."""


class Unacceptable(Exception):
    """The directory sent something that the desk can't hold; the text says what."""
