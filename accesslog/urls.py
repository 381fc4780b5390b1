"""Pages of the access log."""

from django.urls import path

from accesslog.views import gate, own, setup

app_name = "accesslog"

urlpatterns = [
    path("me/passes/", own.passes, name="own_passes"),
    path("gate/", gate.gate, name="gate"),
    path("gate/scan", gate.scan, name="scan"),
    path("gate/document/", gate.document, name="document"),
    path("gate/paper/", gate.paper, name="paper"),
    path("gate/result/<uuid:nonce>/", gate.result, name="result"),
    path("gate/certificate/", gate.certificate, name="certificate"),
    path("gate/enrol/", gate.enrol, name="enrol"),
    path("gates/", setup.places, name="places"),
    path("gates/new/", setup.new, name="new_place"),
    path("gates/<int:pk>/", setup.place, name="place"),
    path("gates/<int:pk>/change/", setup.change, name="change_place"),
    path("gates/<int:pk>/points/", setup.add_point, name="add_point"),
    path("gates/<int:pk>/points/<int:point>/devices/", setup.add_device, name="add_device"),
    path("gates/<int:pk>/devices/<int:device>/code/", setup.offer_code, name="offer_code"),
    path("gates/<int:pk>/devices/<int:device>/revoke/", setup.revoke, name="revoke_device"),
]
