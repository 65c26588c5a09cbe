"""Pages about `test` blocks."""

from __future__ import annotations

from typing import Final

PAGES: Final = """
# E321 a mock always fails
`fails "code"` without `times` applies to every attempt, so a later value or failure is never reached.
Add `times N` to limit it to the first N attempts.
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
Neither the flow of the test nor the flows that it calls use this action, so the mock has no effect.
Often the step was removed from the flow. Remove the mock, or correct the name of the action.
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
A test without an `expect` passes whatever the flow does, as long as the run can start. Add conditions
for its end, such as which steps ran, the output of the flow, and the calls.
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
