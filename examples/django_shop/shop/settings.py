"""Settings. `SHOP_DATABASE` is a `postgresql://` URL; without it, everything is in files of the current folder."""

from __future__ import annotations

import os

SECRET_KEY = os.environ["SHOP_SECRET"]
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "shop"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
LOGIN_URL, LOGIN_REDIRECT_URL = "/login", "/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

#: Where dagflow keeps its runs: in the schema `dagflow` of the product's database, or in a file beside it.
DAGFLOW_STORE = os.environ.get("SHOP_DATABASE", "runs.db")
#: The webhook `stock` of each team, as `team=secret` parted by blanks.
STOCK_SECRETS = dict(each.split("=", 1) for each in os.environ.get("SHOP_STOCK_SECRETS", "").split())

if "SHOP_DATABASE" in os.environ:
    from psycopg.conninfo import conninfo_to_dict

    _place = conninfo_to_dict(DAGFLOW_STORE)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            **{name.upper(): _place.get(name, "") for name in ("user", "password", "host", "port")},
            "NAME": _place["dbname"],
        }
    }
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db", "OPTIONS": {"timeout": 10}}}
