"""The product's own routes; `asgi.py` mounts those of dagflow beside them."""

from __future__ import annotations

from django.contrib.auth.views import LoginView
from django.urls import path

from shop import views

urlpatterns = [
    path("", views.page),
    path("login", LoginView.as_view()),
    path("orders", views.orders),
    path("automations/<str:name>", views.automation),
]
