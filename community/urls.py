"""Pages and API of the community app."""

from django.urls import path

from citybrain.core import converters  # noqa: F401 (registers `ref`)
from community import api
from community.views import places, residents

app_name = "community"

urlpatterns = [
    path("residents/", residents.residents, name="residents"),
    path("residents/find/", residents.find, name="find"),
    path("residents/export/", residents.export, name="export"),
    path("residents/map/", places.residents_map, name="map"),
    path("residents/<ref:ref>/", residents.resident, name="resident"),
    path("residents/<ref:ref>/unmask/", residents.unmask, name="unmask"),
    path("estates/", places.estates, name="estates"),
    path("api/v1/residents/", api.ResidentList.as_view(), name="api_residents"),
    path("api/v1/residents/map/", api.ResidentMap.as_view(), name="api_map"),
    path("api/v1/residents/<ref:ref>/", api.ResidentDetail.as_view(), name="api_resident"),
]
