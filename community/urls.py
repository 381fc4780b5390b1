"""Pages and API of the community app."""

from django.urls import path

from citybrain.core import converters  # noqa: F401 (registers `ref`)
from community import api
from community.views import alerts, area_map, care, duty, orders, places, residents, verification

app_name = "community"

urlpatterns = [
    path("residents/", residents.residents, name="residents"),
    path("residents/find/", residents.find, name="find"),
    path("residents/export/", residents.export, name="export"),
    path("map/", area_map.residents_map, name="map"),
    path("residents/<ref:ref>/", residents.resident, name="resident"),
    path("residents/<ref:ref>/unmask/", residents.unmask, name="unmask"),
    path("estates/", places.estates, name="estates"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("care/", care.care, name="care"),
    path("care/ask/", care.ask, name="ask"),
    path("care/ask/<ref:ref>/", care.ask_for, name="ask_for"),
    path("duty/", duty.duty, name="duty"),
    path("orders/", orders.orders, name="orders"),
    path("orders/state.json", orders.state, name="orders_state"),
    path("orders/ticket/", orders.ticket, name="orders_ticket"),
    path("orders/verify/", verification.to_verify, name="to_verify"),
    path("orders/verify/<ref:order>/", verification.verify, name="verify"),
    path("orders/verify/<ref:order>/close/", verification.close, name="close"),
    path("orders/verify/<ref:order>/return/", verification.send_back, name="return"),
    path("orders/verify/<ref:order>/assign/", verification.assign, name="assign"),
    path("orders/photos/<ref:photo>/", orders.photo, name="visit_photo"),
    path("orders/<ref:order>/", orders.order, name="order"),
    path("orders/<ref:order>/accept/", orders.accept, name="accept"),
    path("orders/<ref:order>/arrive/", orders.arrive, name="arrive"),
    path("orders/<ref:order>/take-back/", orders.take_back, name="take_back"),
    path("orders/<ref:order>/report/", orders.report, name="report"),
    path("api/v1/residents/", api.ResidentList.as_view(), name="api_residents"),
    path("api/v1/residents/map/", api.ResidentMap.as_view(), name="api_map"),
    path("api/v1/residents/<ref:ref>/", api.ResidentDetail.as_view(), name="api_resident"),
]
