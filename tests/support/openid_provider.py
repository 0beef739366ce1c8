"""A real OpenID provider for the tests: Django with django-oauth-toolkit, served by waitress on loopback.

``python tests/support/openid_provider.py FOLDER`` prints one line of JSON with what a client needs, and runs until its
standard input ends. Its database and its key lie in FOLDER.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

USER, PASSWORD, EMAIL, NAME = "aexaminer", "lantern-otter-plinth", "A.Examiner@agency.example", "A. Examiner"
REDIRECT = "http://127.0.0.1:9/sign-in/openid"
SECRETS = {"lineament": "a secret: with/odd?characters%", "other": "the other's secret"}
FORM = '<form method="post">{% csrf_token %}{{ form }}</form>'


def configure(folder: Path, issuer: str) -> None:
    """Configure Django."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    apps = ["auth", "contenttypes", "sessions", "messages", "staticfiles"]
    middleware = ["sessions.middleware.SessionMiddleware", "auth.middleware.AuthenticationMiddleware"]
    loader = ("django.template.loaders.locmem.Loader", {"registration/login.html": FORM})
    settings.configure(
        SECRET_KEY="of the tests alone",
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.db"}},
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in apps), "oauth2_provider"],
        MIDDLEWARE=[
            "django.middleware.csrf.CsrfViewMiddleware",
            *(f"django.contrib.{name}" for name in middleware),
        ],
        STATIC_URL="/static/",
        LOGIN_URL="/accounts/login/",
        USE_TZ=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # fast; the tests' secrets are known
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [loader, "django.template.loaders.app_directories.Loader"]},
            }
        ],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": issuer,
            "OIDC_RSA_PRIVATE_KEY": pem,
            "PKCE_REQUIRED": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "SCOPES": {"openid": "OpenID", "email": "E-mail address", "profile": "Name"},
        },
    )


def configure_claims() -> None:
    """Configure what the provider says of its user, and its addresses."""
    from django.contrib.auth.views import LoginView
    from django.urls import include, path
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):  # type: ignore[misc]
        def get_additional_claims(self) -> dict[str, Any]:
            return {
                "email": lambda request: request.user.email,
                "email_verified": lambda _: True,
                "name": lambda request: request.user.get_full_name(),
            }

    settings.OAUTH2_PROVIDER["OAUTH2_VALIDATOR_CLASS"] = Validator
    login = path("accounts/login/", LoginView.as_view())
    settings.ROOT_URLCONF = (login, path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")))


def fill() -> None:
    """Add a user and two clients."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    first, _, last = NAME.partition(" ")
    get_user_model().objects.create_user(USER, EMAIL, PASSWORD, first_name=first, last_name=last)
    for client, secret in SECRETS.items():
        Application.objects.create(
            name=client,
            client_id=client,
            client_secret=secret,
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
            redirect_uris=f"{REDIRECT} {REDIRECT}/back",
            algorithm=Application.RS256_ALGORITHM,
        )


def main() -> None:
    """Serve until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}/o"
    configure(Path(sys.argv[1]), issuer)
    django.setup()
    fill()

    import waitress
    from django.core.wsgi import get_wsgi_application

    configure_claims()
    server = waitress.create_server(get_wsgi_application(), sockets=[listener], threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    sys.stdout.write(json.dumps({"issuer": issuer}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
