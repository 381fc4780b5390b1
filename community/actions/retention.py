"""What dies of the community, and when: reports never sent after a day, and what test walks left behind."""

from citybrain.core import clock, retention
from community.actions.visit_drafts import DRAFT_KEEP

# Alerts of the smoke tree on whose order nothing was done lately.
_ALERTS = """
SELECT l.id FROM community_alert AS l JOIN core_area AS a ON a.id = l.area_id
 WHERE a.is_smoke AND l.last_at < %(smoke)s AND NOT EXISTS (
       SELECT FROM community_orderstep AS s JOIN community_workorder AS o ON o.id = s.order_id
        WHERE o.alert_id = l.id AND s.at >= %(smoke)s)
"""
_PHOTOS = "SELECT photo_id FROM community_visitphoto WHERE visit_id = ANY(%(visits)s)"


_OLD_DRAFTS = "SELECT id FROM community_visitdraft WHERE changed_at < %(before)s"
_DRAFTS = "SELECT id FROM community_visitdraft WHERE order_id = ANY(%(orders)s)"


def erase(erasure: retention.Erasure) -> None:
    """Delete drafts of reports that are too old; alerts, orders, visits and photos that test walks left."""
    found = {"alerts": retention.ids(_ALERTS, {"smoke": erasure.smoke_before})}
    found["orders"] = retention.ids("SELECT id FROM community_workorder WHERE alert_id = ANY(%(alerts)s)", found)
    found["visits"] = retention.ids("SELECT id FROM community_visit WHERE order_id = ANY(%(orders)s)", found)
    found["drafts"] = retention.ids(_OLD_DRAFTS, {"before": clock.now() - DRAFT_KEEP}) + retention.ids(_DRAFTS, found)
    found["photos"] = retention.ids(_PHOTOS, found)
    steps = (
        ("community_visitdraftphoto", "draft_id = ANY(%(drafts)s)"),
        ("community_visitdraft", "id = ANY(%(drafts)s)"),
        ("community_visitphoto", "visit_id = ANY(%(visits)s)"),
        ("core_photo", "id = ANY(%(photos)s)"),
        ("community_visit", "id = ANY(%(visits)s)"),
        ("community_orderstep", "order_id = ANY(%(orders)s)"),
        ("community_workorder", "id = ANY(%(orders)s)"),
        ("community_alert", "id = ANY(%(alerts)s)"),
    )
    for table, condition in steps:
        erasure.delete(table, condition, found)
