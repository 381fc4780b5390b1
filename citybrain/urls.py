"""All URLs; each names its permission, which a test checks."""

from django.urls import include, path

urlpatterns = [
    # First what is asked most: a phone's code page.
    path("", include("healthcode.urls")),
    path("", include("dashboard.urls")),
    path("", include("citybrain.core.urls")),
    path("", include("community.urls")),
    path("", include("accesslog.urls")),
]

handler400 = "citybrain.core.views.errors.bad_request"
handler403 = "citybrain.core.views.errors.forbidden"
handler404 = "citybrain.core.views.errors.not_found"
handler500 = "citybrain.core.views.errors.server_error"
