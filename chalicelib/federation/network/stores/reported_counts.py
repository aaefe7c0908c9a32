"""The numbers that this desk reports of itself to hubs."""

from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.federation.network.domain.discover import matching_installed
from chalicelib.people.stores.directory_listing import DynamoDirectoryListing


class DynamoReportedCounts:
    def count_people(self) -> int:
        """Count the active people. One store call."""
        return DynamoDirectoryListing().counts().people

    def count_installed(self) -> int:
        """Count this desk's own agents that may be called. One store call."""
        return len(matching_installed(DynamoAgents().list_agents(), ""))
