"""Two versions of a published flow, side by side, and what a version can reach."""

from __future__ import annotations

import pytest

from dagflow import Catalog, Service, UsageError

ONE = """event "go" { id: string }
flow f(id: string) -> int {
  on event "go"
  a = http.request(url: "https://api.example.com/")
  return a.status
}
"""
TWO = """event "go" { id: string }
event "done" { id: string }
flow f(id: string) -> int {
  on event "go"
  on cron "0 7 * * *" in "UTC" with (id: "daily")
  a = http.request(url: Url("https://api.example.org/${id}"))
  b = http.request(url: Url(id))
  emit "done" (id: id)
  return a.status
}
"""


async def test_versions_are_compared() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        tenant = service.tenant("a")
        await tenant.publish(ONE)
        await tenant.publish(TWO)
        found = await tenant.diff("f", 1)
        assert (found.flow, found.before, found.after) == ("f", 1, 2)
        assert found.text.splitlines()[:2] == ["--- f version 1", "+++ f version 2"]
        assert '+event "done" { id: string }' in found.text
        assert "b" in found.added
        assert (found.removed, set(found.changed)) == ((), {"a"})
        assert found.gained == {"emits": ("done",), "crons": ("0 7 * * * UTC",), "hosts": ("*", "api.example.org")}
        assert found.lost == {"hosts": ("api.example.com",)}
        back = await tenant.diff("f", 2, 1)
        assert (set(back.removed), back.lost) == (set(found.added), found.gained)
        same = await tenant.diff("f", 2, 2)
        assert (same.text, same.added, same.changed, same.gained) == ("", (), {}, {})
        with pytest.raises(UsageError, match="the flow 'f' has the versions 1 to 2; got 3"):
            await tenant.diff("f", 1, 3)
        with pytest.raises(UsageError, match="no published flow 'f'"):
            await service.tenant("b").diff("f", 1)
