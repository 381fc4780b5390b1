"""Pages of the ground."""

from django.urls import path
from django.views.i18n import set_language

from citybrain.core import access, api, converters  # noqa: F401 (converters registers `ref`)
from citybrain.core.views import areas, audit, design, health, me, members, purpose, rights, sign_in, system

app_name = "core"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("sign-in/", sign_in.phone, name="sign_in"),
    path("sign-in/code/", sign_in.code, name="code"),
    path("sign-in/staff/", sign_in.staff, name="staff"),
    path("password/", sign_in.password, name="password"),
    path("sign-out/", sign_in.out, name="out"),
    path("language/", access.public("everyone may read in their language")(set_language), name="language"),
    path("mode/", design.mode, name="mode"),
    path("design/", design.gallery, name="design"),
    path("api/v1/schema/", api.ApiSchema.as_view(), name="api_schema"),
    path("purpose/", purpose.purpose, name="purpose"),
    path("me/", me.me, name="me"),
    path("me/looks/", me.looks, name="looks"),
    path("me/data/", rights.own_data, name="own_data"),
    path("me/data.zip", rights.own_data_file, name="own_data_file"),
    path("me/erasure/", rights.erasure, name="erasure"),
    path("me/erasure/take-back/", rights.take_back, name="erasure_take_back"),
    path("me/gone/", rights.gone, name="gone"),
    path("erasures/", rights.erasures, name="erasures"),
    path("erasures/<ref:request_ref>/", rights.answer, name="erasure_answer"),
    path("areas/", areas.tree, name="areas"),
    path("organisations/<int:pk>/members/", members.members, name="members"),
    path("audit/", audit.trail, name="audit"),
    path("system/", system.status, name="status"),
    path("system/ticket/", system.ticket, name="ticket"),
    path("system/deliveries/<int:pk>/requeue/", system.requeue, name="requeue"),
]
