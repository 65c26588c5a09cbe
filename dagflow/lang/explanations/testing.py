"""Pages about `test` blocks."""

from __future__ import annotations

from typing import Final

PAGES: Final = """
# E321 a mock fails for ever
`fails "code"` without `times` means every attempt: a value that is to come after it, or another
failure, is never reached. Say how many attempts fail first.
--- wrong
flow greet {
  page = http.request(url: "https://example.org/") retry 3
}

test "the second attempt gets through" for greet {
  mock http.request fails "busy" takes 1s fails "away" times 1
  expect page.attempts == 2
}
--- right
flow greet {
  page = http.request(url: "https://example.org/") retry 3
}

test "the second attempt gets through" for greet {
  mock http.request fails "busy" times 1 takes 1s
  expect page.attempts == 2
}

# W902 a mock is never called
The flow of the test, and the flows it calls, have no step that calls this action, so the mock says
nothing. Often the flow once had such a step. Remove the mock, or name the action that is meant.
--- wrong
flow greet {
  slack(channel: "C1", text: "hello")
}

test "it says hello" for greet {
  mock log takes 1s
  expect slack.ran
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

test "it says hello" for greet {
  mock slack takes 1s
  expect slack.ran
}

# W904 a mock is never used
Of several mocks that fit a call, the first counts. An earlier mock of the same action, with fewer
conditions or the same ones, takes every call of this one. Write the narrower mock first. To answer
in turn, write one mock with `then`: the first call fails, the next one returns something.
--- wrong
flow greet {
  page = http.request(url: "https://example.org/") retry 3
}

test "the second attempt gets through" for greet {
  mock http.request fails "busy" times 1
  mock http.request takes 1s
  expect page.attempts == 2
}
--- right
flow greet {
  page = http.request(url: "https://example.org/") retry 3
}

test "the second attempt gets through" for greet {
  mock http.request fails "busy" then takes 1s
  expect page.attempts == 2
}

# W903 a test expects nothing
A test without an `expect` passes whatever the flow does, as long as it can begin. Say what has to be
true at its end: which steps ran, what it gave, what was called.
--- wrong
flow greet {
  slack(channel: "C1", text: "hello")
}

test "it says hello" for greet {
  given ()
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

test "it says hello" for greet {
  given ()
  expect calls("slack")[0].text == "hello"
}
"""
