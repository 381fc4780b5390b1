"""Django settings; every environment variable is read through `env` and documented in docs/operations.md."""

import re
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from citybrain import env
from citybrain.core import foreign_keys, gateway, keyring

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = env.path("CITYBRAIN_VAR", BASE_DIR / "var")
DEMO = env.flag("CITYBRAIN_DEMO")
DEBUG = False

# Keys

KEYRING_FILE = env.path("CITYBRAIN_KEYRING", VAR / "keyring.json")
try:
    _cookie_keys = keyring.load(KEYRING_FILE).all("cookie")
except keyring.KeyringError as problem:
    raise SystemExit(str(problem)) from None
SECRET_KEY = _cookie_keys[0].secret.hex()
SECRET_KEY_FALLBACKS = [key.secret.hex() for key in _cookie_keys[1:]]

# Hosts

ALLOWED_HOSTS = env.names("CITYBRAIN_HOSTS", "127.0.0.1,localhost,[::1]")
# Where browsers find the live stream: its own port in the demo, a path behind nginx in production.
STREAM_ORIGIN = env.text("CITYBRAIN_STREAM_ORIGIN")
SITE_ORIGIN = env.text("CITYBRAIN_SITE_ORIGIN")
SECURE_COOKIES = env.flag("CITYBRAIN_SECURE_COOKIES", default=not DEMO)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_COOKIES
# Leading from http to https is nginx's part: SECURE_SSL_REDIRECT stays off.
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if SECURE_COOKIES else 0
SESSION_COOKIE_NAME = "citybrain_session"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# The code page draws itself from this cookie alone; it is sent to that page only, and dropped by signing in or out.
CODE_COOKIE_NAME = "citybrain_code"
CODE_COOKIE_PATH = "/code/"
CODE_COOKIE_LIFE = timedelta(hours=24)
CSRF_FAILURE_VIEW = "citybrain.core.views.errors.form_too_old"
BEHIND_PROXY = env.flag("CITYBRAIN_BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "worker-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF, *([STREAM_ORIGIN] if STREAM_ORIGIN else [])],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# Apps

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "citybrain.core",
    "healthcode",
    "community",
    "accesslog",
    "dashboard",
    "citybrain.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "citybrain.core.middleware.NotAllowedMiddleware",
    "citybrain.core.middleware.RefusedLookMiddleware",
    "citybrain.core.middleware.NoStoreMiddleware",
]

ROOT_URLCONF = "citybrain.urls"
WSGI_APPLICATION = "citybrain.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                ),
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "citybrain.navigation.page_frame",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "citybrain.core.templatetags.city"],
        },
    },
]

# Database: three roles of one database. The app role may not change what is append-only,
# the owner migrates, the retention role erases. Web processes are given the app role alone.


def _database(url: str) -> dict[str, Any]:
    """Return Django's settings of one connection; a pool keeps connections between requests."""
    parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    if "postgresql" not in str(parsed.get("ENGINE")):
        raise env.SettingError("DATABASE_URL", "does not name PostgreSQL", "use postgresql://user:password@host/name")
    # `options` is libpq's; Django's own pool replaces CONN_MAX_AGE.
    parsed["CONN_MAX_AGE"] = 0
    parsed["OPTIONS"] = {**parsed.get("OPTIONS", {}), "pool": {"min_size": 1, "max_size": 8, "timeout": 10}}
    return parsed


DATABASES: dict[str, dict[str, Any]] = {
    "default": _database(
        env.required("DATABASE_URL", "the app role's postgresql:// URL; `make demo` brings its own database"),
    ),
}
for _alias, _variable in {"owner": "DATABASE_OWNER_URL", "retention": "DATABASE_RETENTION_URL"}.items():
    if _url := env.text(_variable):
        DATABASES[_alias] = {**_database(_url), "CONN_MAX_AGE": 0}
        DATABASES[_alias]["OPTIONS"].pop("pool")
DATABASE_ADMIN_URL = env.text("DATABASE_ADMIN_URL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Users and grants

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None  # guardian: nobody who is not signed in holds a grant
LOGIN_URL = "core:sign_in"
LOGIN_REDIRECT_URL = "dashboard:home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SIGN_IN_CODE_LIFE = timedelta(minutes=5)
SIGN_IN_CODE_PAUSE = timedelta(seconds=60)
SIGN_IN_ATTEMPTS = 5
SIGN_IN_LOCK = timedelta(minutes=15)
# One-time codes sent: an hour to one client address, a minute in the whole installation.
SIGN_IN_CODES_AN_ADDRESS = env.number("CITYBRAIN_SIGN_IN_CODES_AN_ADDRESS", 30)
SIGN_IN_CODES_A_MINUTE = env.number("CITYBRAIN_SIGN_IN_CODES_A_MINUTE", 600)

# Of what the code page asks the database for, this much at once in a web process: extras are sent away first, then the
# state; fewer than the process has threads, so that the page itself is never kept waiting.
CODE_MORE_AT_ONCE, CODE_STATE_AT_ONCE = 2, 3

# Messages to phones: the console gateway prints codes into the log, so it is the demo's alone.

_CONSOLE_GATEWAY = "citybrain.core.gateway.ConsoleGateway"
_HTTP_GATEWAY = "citybrain.core.gateway.HttpGateway"
_HINT = f"use {_HTTP_GATEWAY}, or a class of the district's own"
if DEMO:
    MESSAGE_GATEWAY = env.text("CITYBRAIN_MESSAGE_GATEWAY", _CONSOLE_GATEWAY)
else:
    MESSAGE_GATEWAY = env.required("CITYBRAIN_MESSAGE_GATEWAY", _HINT)
    if MESSAGE_GATEWAY == _CONSOLE_GATEWAY:
        raise env.SettingError("CITYBRAIN_MESSAGE_GATEWAY", "would print one-time codes into the log", _HINT)
MESSAGE_GATEWAY_URL = env.text("CITYBRAIN_MESSAGE_GATEWAY_URL")
MESSAGE_GATEWAY_TOKEN = env.text("CITYBRAIN_MESSAGE_GATEWAY_TOKEN")
if MESSAGE_GATEWAY == _HTTP_GATEWAY:
    if not gateway.is_safe_url(MESSAGE_GATEWAY_URL):
        raise env.SettingError("CITYBRAIN_MESSAGE_GATEWAY_URL", "is missing or unsafe", "use https://, or 127.0.0.1")
    env.required("CITYBRAIN_MESSAGE_GATEWAY_TOKEN", "the bearer token that the message gateway expects")

# Signed codes: whose they are (area code of the district, six digits), which other regions' can be checked here, and
# for how many days a paper code is valid.

_ISSUER_HINT = "the area code of the district, six digits, such as 330103"
CODE_ISSUER = env.text("CITYBRAIN_ISSUER", "330103") if DEMO else env.required("CITYBRAIN_ISSUER", _ISSUER_HINT)
if not foreign_keys.ISSUER.fullmatch(CODE_ISSUER):
    raise env.SettingError("CITYBRAIN_ISSUER", f"is {CODE_ISSUER!r}", f"use {_ISSUER_HINT}")
FOREIGN_KEYS: foreign_keys.ForeignKeys = {}
if env.text("CITYBRAIN_FOREIGN_KEYS"):
    try:
        FOREIGN_KEYS = foreign_keys.load(env.path("CITYBRAIN_FOREIGN_KEYS", VAR))
    except foreign_keys.ForeignKeysError as problem:
        raise SystemExit(str(problem)) from None
PAPER_CODE_DAYS = env.number("CITYBRAIN_PAPER_CODE_DAYS", 180)
if not 1 <= PAPER_CODE_DAYS <= 4095:  # noqa: PLR2004 (what a signed code can say)
    raise env.SettingError("CITYBRAIN_PAPER_CODE_DAYS", f"is {PAPER_CODE_DAYS}", "use 1 to 4095")

# Events, audit, tasks

FLOWS = "citybrain.flows.FLOWS"
RETENTION = "citybrain.retention.PARTS"
# Where a declaration looks up estates and buildings.
ADDRESS_BOOK = "community.queries.AddressRegister"
PASS_KEEP = timedelta(days=28)
# Test walks (`make smoke`) are erased when they are this old; one under way is left alone.
SMOKE_KEEP = timedelta(minutes=15)
# How long a worker has for an order, from the moment it is opened.
ORDER_DUE = timedelta(hours=2)
# How many people's codes evidence of others may make worse, and as many better, before a second person of another unit
# has to let it in: of one unit in ten minutes, of one author, unit or feed in a day, of everybody in an hour, and of
# one employer or school and of one grid in a day, whoever sent it (docs/security.md says why).
HOLD_LIMITS = {
    "burst": 5,
    "author_day": 20,
    "unit_day": 60,
    "feed_day": 200,
    "district_hour": 100,
    "organisation_day": 8,
    "grid_day": 15,
}
# When the offices that decide work, by the clock of Shanghai; and how many working days an appeal, and a request to be
# erased, may take.
WORKING_HOURS = (time(9), time(17))
APPEAL_WORKING_DAYS = 3
ERASURE_WORKING_DAYS = 15
# After a request: how old the newest evidence about a person has to be before all of it is erased (two incubations).
ERASE_EVIDENCE_AFTER = timedelta(days=28)
# A copy of one's own data: how fresh the sign-in must be, and how many a day.
OWN_DATA = "citybrain.own_data.PARTS"
OWN_DATA_SIGN_IN = timedelta(minutes=10)
OWN_DATA_A_DAY = 5
# A change of rules: how old the dry run may be when it is proposed, and when it is approved; how long the people of its
# sample are kept; and how many persons a dry run and a round judge in one transaction.
TRIAL_LIFE = timedelta(hours=24)
RULE_PROPOSAL_LIFE = timedelta(days=3)
TRIAL_SAMPLE_KEEP = timedelta(days=7)
TRIAL_CHUNK = 1000
ROUND_CHUNK = env.number("CITYBRAIN_ROUND_CHUNK", 500)
# How many of a worker's threads a round may take, and for how long at a time.
ROUND_WORKERS = env.number("CITYBRAIN_ROUND_WORKERS", 1)
LONG_TASK = timedelta(seconds=55)
# For how many others one account may act; and the birthday from which it no longer does for a child, unless confirmed.
FAMILY_MOST = 10
FAMILY_CHILD_UNTIL = 18
# Reminders of the daily check-in: from when on each slot of the day lasts, until the next one; in the last one the
# grids are told who is missing. In the quiet hours nobody is sent a message.
CHECK_IN_TIMES = {"morning": time(8), "evening": time(18), "missed": time(20)}
QUIET_HOURS = (time(21), time(7))
OUTBOX_ATTEMPTS = 8
OUTBOX_KEEP = timedelta(days=7)
AUDIT_HEADS_FILE = env.path("CITYBRAIN_AUDIT_HEADS", VAR / "audit-heads.ndjson")
AUDIT_SEAL_LIMIT = timedelta(seconds=5)
# Rows above the xmin horizon wait for the oldest open transaction; nothing of ours stays open that long.
AUDIT_HORIZON_LIMIT = timedelta(seconds=60)
REFUSED_LOOKS_TOLERATED = env.number("CITYBRAIN_REFUSED_LOOKS_TOLERATED", 5)
BEAT_LIMIT = timedelta(seconds=5)
# What /healthz expects to beat.
PROCESSES = env.names("CITYBRAIN_PROCESSES", "web,stream,dispatcher,sealer,consumer,worker,beat")

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celerybeat-schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULER = "citybrain.celery:BeatingScheduler"
CELERY_BEAT_SCHEDULE = {
    "make-partition": {"task": "accesslog.make_partition", "schedule": crontab(minute="7")},
    "purge-token-uses": {"task": "accesslog.purge_token_uses", "schedule": crontab(minute="*/5")},
    "remind-of-check-ins": {"task": "healthcode.remind", "schedule": crontab(minute="*/5")},
    "sweep-codes": {"task": "healthcode.sweep", "schedule": timedelta(minutes=1)},
    "begin-rounds": {"task": "healthcode.begin_rounds", "schedule": timedelta(minutes=1)},
    "work-trials": {"task": "healthcode.work_trials", "schedule": timedelta(seconds=10), "options": {"expires": 10}},
    "forget-samples": {"task": "healthcode.forget_samples", "schedule": crontab(hour="3", minute="32")},
    "publish-audit-head": {"task": "core.publish_audit_head", "schedule": timedelta(minutes=1)},
    "purge-outbox": {"task": "core.purge_outbox", "schedule": crontab(minute="17")},
    "purge-app-keys": {"task": "healthcode.purge_app_keys", "schedule": crontab(minute="*/10")},
    "purge-drafts": {"task": "healthcode.purge_drafts", "schedule": crontab(hour="3", minute="27")},
    "purge-sign-ins": {"task": "core.purge_sign_ins", "schedule": crontab(minute="*/10")},
    "retention": {"task": "core.retention", "schedule": crontab(minute="47")},
    "purge-sessions": {"task": "core.purge_sessions", "schedule": crontab(minute="37")},
}
if CELERY_BROKER_URL.startswith("filesystem:"):
    _messages = str(VAR / "celery")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": _messages,
        "data_folder_out": _messages,
        "control_folder": str(VAR / "celery-control"),
    }

# Uploads: photos only, kept in memory and sealed before they are stored.

UPLOAD_LIMIT = 10 * 1024 * 1024
UPLOAD_TOTAL = 4 * UPLOAD_LIMIT
DATA_UPLOAD_MAX_NUMBER_FILES = 8
FILE_UPLOAD_HANDLERS = ["citybrain.core.uploads.LimitHandler", "citybrain.core.uploads.MemoryHandler"]

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["citybrain.core.api_permissions.MayAct"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CityBrain",
    "DESCRIPTION": "Residents as staff may see them, masked, by the session of a page; and the services of the health "
    "code (GB/T 38963-2020) for programs of organisations, by signed requests. How to use it: docs/api.md.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # The same for everybody who is signed in: it names nobody.
    "SERVE_PUBLIC": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "CodeStateEnum": "healthcode.models.code.State",
        "CorrectionStateEnum": "healthcode.models.Correction.State",
        "SymptomEnum": "healthcode.kinds.SYMPTOMS",
    },
}

# Language and time

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "citybrain" / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

# Static files

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
_WORKER = re.compile(r"/js/scan-worker(\.[0-9a-f]+)?\.js$")
_WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"


def _add_headers(headers: Headers, _path: str, url: str) -> None:
    """Let the worker that reads codes compile WebAssembly: the policy of a worker is that of its own script."""
    if _WORKER.search(url):
        headers["Content-Security-Policy"] = _WORKER_POLICY


WHITENOISE_ADD_HEADERS_FUNCTION = _add_headers

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("CITYBRAIN_LOG_LEVEL", "INFO")},
}
