"""Provinces of the mainland by their codes of GB/T 2260: where a household can be registered."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

PROVINCES: Mapping[str, StrOrPromise] = {
    "110000": _("Beijing"),
    "120000": _("Tianjin"),
    "130000": _("Hebei"),
    "140000": _("Shanxi"),
    "150000": _("Inner Mongolia"),
    "210000": _("Liaoning"),
    "220000": _("Jilin"),
    "230000": _("Heilongjiang"),
    "310000": _("Shanghai"),
    "320000": _("Jiangsu"),
    "330000": _("Zhejiang"),
    "340000": _("Anhui"),
    "350000": _("Fujian"),
    "360000": _("Jiangxi"),
    "370000": _("Shandong"),
    "410000": _("Henan"),
    "420000": _("Hubei"),
    "430000": _("Hunan"),
    "440000": _("Guangdong"),
    "450000": _("Guangxi"),
    "460000": _("Hainan"),
    "500000": _("Chongqing"),
    "510000": _("Sichuan"),
    "520000": _("Guizhou"),
    "530000": _("Yunnan"),
    "540000": _("Tibet"),
    "610000": _("Shaanxi"),
    "620000": _("Gansu"),
    "630000": _("Qinghai"),
    "640000": _("Ningxia"),
    "650000": _("Xinjiang"),
}
