"""The adapter of Alertmanager and Grafana."""

from chalicelib.ingest.domain.incoming import IngestStep
from tests.support.alerts import new_alert, new_group, resolved
from tests.support.ingest import read


def test_the_end_of_an_alert_has_the_id_of_its_beginning() -> None:
    alert = new_alert()
    one, two = read("alertmanager", new_group(alert, resolved(alert))).drafts
    assert (one.event_id, two.step) == (two.event_id, IngestStep.RESOLVE)
