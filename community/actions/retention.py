"""What dies of the community, and when: so far what test walks left behind."""

from citybrain.core import retention

# Alerts of the smoke tree on whose order nothing was done lately.
_ALERTS = """
SELECT l.id FROM community_alert AS l JOIN core_area AS a ON a.id = l.area_id
 WHERE a.is_smoke AND l.last_at < %(smoke)s AND NOT EXISTS (
       SELECT FROM community_orderstep AS s JOIN community_workorder AS o ON o.id = s.order_id
        WHERE o.alert_id = l.id AND s.at >= %(smoke)s)
"""
_PHOTOS = "SELECT photo_id FROM community_visitphoto WHERE visit_id = ANY(%(visits)s)"


def erase(erasure: retention.Erasure) -> None:
    """Delete alerts, orders, visits and photos that test walks left."""
    found = {"alerts": retention.ids(_ALERTS, {"smoke": erasure.smoke_before})}
    found["orders"] = retention.ids("SELECT id FROM community_workorder WHERE alert_id = ANY(%(alerts)s)", found)
    found["visits"] = retention.ids("SELECT id FROM community_visit WHERE order_id = ANY(%(orders)s)", found)
    found["photos"] = retention.ids(_PHOTOS, found)
    steps = (
        ("community_visitphoto", "visit_id = ANY(%(visits)s)"),
        ("core_photo", "id = ANY(%(photos)s)"),
        ("community_visit", "id = ANY(%(visits)s)"),
        ("community_orderstep", "order_id = ANY(%(orders)s)"),
        ("community_workorder", "id = ANY(%(orders)s)"),
        ("community_alert", "id = ANY(%(alerts)s)"),
    )
    for table, condition in steps:
        erasure.delete(table, condition, found)
