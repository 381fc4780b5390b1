"""Signing in and out."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from citybrain.core import access, audit, clock, crypto, keyring
from citybrain.core.actions import sign_in as actions
from citybrain.core.actions.accounts import change_password
from citybrain.core.client import client_address
from citybrain.core.forms import CodeForm, PhoneForm, StaffSignInForm
from citybrain.core.gateway import GatewayError, mask_phone
from citybrain.core.models import User
from citybrain.core.models.audit import Deed
from citybrain.core.roles import Act

# Session keys of a sign-in under way: the number, and the one code that this browser may redeem.
PHONE_KEY = "signing_in"
CODE_KEY = "signing_in_code"
# When this browser signed in last: what asks for a fresh sign-in looks at it.
ENTERED_KEY = "entered_at"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@access.public("nobody is signed in yet")
@require_http_methods(["GET", "POST"])
def phone(request: HttpRequest) -> HttpResponse:
    """Ask a resident for the phone number and send a code."""
    form = PhoneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        number = form.cleaned_data["phone"]
        try:
            sent = actions.request_code(phone=number, address=client_address(request))
        except actions.SignInError as problem:
            form.add_error("phone", str(problem))
        except GatewayError:
            form.add_error(None, _("The message could not be sent. Try again in a minute."))
        else:
            # Sealed: session rows are kept in the database.
            request.session[PHONE_KEY] = crypto.seal("session-phone", number).hex()
            request.session[CODE_KEY] = sent
            return redirect(_with_next(request, "core:code"))
    return render(request, "core/sign_in/phone.html", {"form": form, "next": _next(request)})


@access.public("nobody is signed in yet")
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Ask for the code and sign the resident in."""
    sealed, sent = request.session.get(PHONE_KEY), request.session.get(CODE_KEY)
    if not sealed or not sent:
        return redirect("core:sign_in")
    try:
        number = crypto.unseal("session-phone", bytes.fromhex(sealed))
    except keyring.KeyringError:
        # The key was retired in between: begin anew.
        return redirect("core:sign_in")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.redeem_code(sent=sent, phone=number, code=form.cleaned_data["code"])
        except actions.SignInError as problem:
            form.add_error("code", str(problem))
        else:
            del request.session[PHONE_KEY], request.session[CODE_KEY]
            return _enter(request, user)
    frame = {"form": form, "phone": mask_phone(number), "next": _next(request)}
    return render(request, "core/sign_in/code.html", frame)


@access.public("nobody is signed in yet")
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def staff(request: HttpRequest) -> HttpResponse:
    """Ask staff for number and password."""
    form = StaffSignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.check_password(
                request,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
            )
        except actions.SignInError as problem:
            form.add_error(None, str(problem))
        else:
            return _enter(request, user)
    return render(request, "core/sign_in/staff.html", {"form": form, "next": _next(request)})


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@access.requires(Act.SIGNED_IN)
def password(request: HttpRequest) -> HttpResponse:
    """Let staff choose a new password; whoever signs in by phone has none."""
    user = access.signed_in(request)
    if user.is_resident:
        return redirect("core:me")
    form = PasswordChangeForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        change_password(user=user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(request, user)
        messages.success(request, _("Your password is changed. Other devices have to sign in again."))
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "core/sign_in/password.html", {"form": form})


@access.public("signing out twice does no harm")
@require_POST
def out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    user = request.user
    if isinstance(user, User):
        audit.record(Deed.SIGN_OUT, by=user, under=Act.SIGNED_IN)
    is_staff = isinstance(user, User) and not user.is_resident
    logout(request)
    response = redirect("core:sign_in")
    _forget_code(response)
    if not is_staff:
        # What a phone keeps of its code page for the time without a network. Staff keep none, but settings.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _enter(request: HttpRequest, user: User) -> HttpResponse:
    login(request, user, backend=BACKEND)
    request.session[ENTERED_KEY] = clock.now().timestamp()
    response = redirect(_next(request) or settings.LOGIN_REDIRECT_URL)
    _forget_code(response)
    return response


def _forget_code(response: HttpResponse) -> None:
    """Drop what the browser may show without a session: the code of whoever used it before."""
    response.delete_cookie(settings.CODE_COOKIE_NAME, path=settings.CODE_COOKIE_PATH, samesite="Lax")


def _next(request: HttpRequest) -> str:
    """Return where to go afterwards; only addresses of this site count."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else ""


def _with_next(request: HttpRequest, name: str) -> str:
    wanted = _next(request)
    return f"{reverse(name)}?{urlencode({'next': wanted})}" if wanted else reverse(name)
