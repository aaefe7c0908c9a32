"""How much of something one person can have at the same time."""

# The oldest is closed when another one opens.
SOCKETS_PER_PERSON = 20
# Event streams that wait for events. Another one ends at once, and its client comes back later.
STREAMS_PER_PERSON = 3
