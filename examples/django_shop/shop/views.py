"""Pages and routes of the product."""

from __future__ import annotations

import json

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

import dagflow
from shop.automations import catalog, tell
from shop.models import Automation, Order


def team_of(request: HttpRequest) -> Group:
    """The team of the user who is logged in."""
    return request.user.groups.get()


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """The live page: it shows runs as they change, by server-sent events."""
    return render(request, "live.html")


@login_required
@require_http_methods(["GET", "POST"])
def orders(request: HttpRequest) -> JsonResponse:
    """List the orders of the team, or create one and tell its automations."""
    team = team_of(request)
    if request.method == "GET":
        return JsonResponse({"orders": [*Order.objects.filter(team=team).order_by("pk").values("id", "total", "status")]})
    body = json.loads(request.body)
    with transaction.atomic():
        order = Order.objects.create(team=team, customer=body["customer"], total=body["total"])
        payload = {"id": order.pk, "customer": order.customer, "total": order.total}
        tell(team.name, "order/created", payload, id=f"order-{order.pk}")
    return JsonResponse({"id": order.pk}, status=201)


@login_required
@require_http_methods(["PUT"])
def automation(request: HttpRequest, name: str) -> JsonResponse:
    """Save an automation in the product's table; the driver publishes it within a second."""
    text = request.body.decode()
    compilation = dagflow.compile(text, catalog=catalog)
    if compilation.has_errors or name not in compilation.flows:
        return JsonResponse({"diagnostics": compilation.to_json(), "flows": [*compilation.flows]}, status=422)
    content = {"text": text, "author": request.user.username, "changed_at": dagflow.SystemClock().now()}
    Automation.objects.update_or_create(team=team_of(request), name=name, defaults=content)
    return JsonResponse({"flow": name})
