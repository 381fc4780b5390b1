"""Pages that need several apps."""

from django.urls import path

from dashboard.views import cockpit, home, rows

app_name = "dashboard"

urlpatterns = [
    path("", home.home, name="home"),
    path("cockpit/", cockpit.cockpit, name="cockpit"),
    path("cockpit/shapes.json", cockpit.shapes, name="cockpit_shapes"),
    path("cockpit/ticket/", cockpit.ticket, name="cockpit_ticket"),
    path("cockpit/persons/", rows.persons, name="cockpit_persons"),
    path("cockpit/passes/", rows.passes, name="cockpit_passes"),
    path("cockpit/alerts/", rows.alerts, name="cockpit_alerts"),
    path("cockpit/orders/", rows.orders, name="cockpit_orders"),
]
