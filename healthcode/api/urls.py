"""URLs of the services for programs, below /api/v1/health-code/."""

from django.urls import path

from healthcode.api import views

urlpatterns = [
    path("consents/", views.Consents.as_view(), name="api_consents"),
    path("health-declaration/", views.HealthDeclaration.as_view(), name="api_health_declaration"),
    path("trip-declaration/", views.TripDeclaration.as_view(), name="api_trip_declaration"),
    path("health-query/", views.HealthQuery.as_view(), name="api_health_query"),
    path("code-call/", views.CodeCall.as_view(), name="api_code_call"),
    path("make-code/", views.MakeCode.as_view(), name="api_make_code"),
    path("verify-code/", views.VerifyCode.as_view(), name="api_verify_code"),
    path("correction/", views.CorrectionRequest.as_view(), name="api_correction"),
    path("evidence/", views.EvidenceFeed.as_view(), name="api_evidence"),
]
