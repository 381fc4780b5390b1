"""URLs of the health code."""

from django.urls import path

from healthcode.views import code, declare

app_name = "healthcode"
urlpatterns = [
    path("code/", code.code, name="code"),
    path("code/picture.png", code.picture, name="picture"),
    path("code/why/", code.why, name="why"),
    path("code/renew/", code.renew, name="renew"),
    path("declare/", declare.start, name="declare"),
    path("declare/review/", declare.check, name="declare_review"),
    path("declare/done/", declare.done, name="declare_done"),
    path("declare/<slug:name>/", declare.page, name="declare_page"),
]
