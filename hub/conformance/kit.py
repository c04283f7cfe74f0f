"""What the conformance checks share: the adapter and its samples, and each sample as a test case of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.canonical.codes import CodeTables
from hub.canonical.message import Message
from hub.conformance import hostile, samples
from hub.conformance.samples import Sample
from hub.contract import Adapter, Answer, Call, Outgoing, Writing


def cases_fixture(cases: Sequence[Any], name_of: Callable[[Any], str]) -> Any:
    """Make a fixture that gives one case after the other; each is a test of its own, under its name."""

    @pytest.fixture(params=cases, ids=[name_of(case) for case in cases])
    def case(self: Any, request: pytest.FixtureRequest) -> Any:
        return request.param

    return case


class Kit:
    """The adapter under test, its samples, and what they were made with."""

    #: Set these two in the test class.
    adapter: ClassVar[Adapter]
    samples: ClassVar[Path]
    #: Cases by the name of the fixture that gives them.
    cases: ClassVar[dict[str, Sequence[Any]]] = {}

    def __init_subclass__(cls) -> None:
        """Turn the files under ``samples`` into test cases."""
        super().__init_subclass__()
        if not hasattr(cls, "samples"):
            return  # a part of the kit, not yet the test of an adapter
        inbound = samples.each(cls.samples / "in")
        hostile_bodies = [(sample, variant) for sample in inbound for variant in hostile.bodies(sample.body)]
        cls.cases = {
            "inbound": inbound,
            "hostile_body": hostile_bodies,
            "bad": samples.each(cls.samples / "bad"),
            "outbound": samples.each_message(cls.samples / "out"),
            "reply": samples.each(cls.samples / "receipts"),
        }
        for fixture, cases in cls.cases.items():
            setattr(cls, fixture, cases_fixture(cases, case_name))

    @cached_property
    def options(self) -> Any:
        return self.adapter.options(**samples.options_of(self.samples))

    @cached_property
    def codes(self) -> CodeTables:
        return samples.codes_of(self.samples)

    def write(self, message: Message, call: Call, held: Mapping[str, str]) -> Outgoing | None:
        """Write one call with the samples' moment and identifier; None where nothing is to be sent."""
        writing = Writing(options=self.options, codes=self.codes, held=held, now=samples.NOW, message_id=samples.MESSAGE_ID)
        return self.adapter.write_message(message, call, writing)


def case_name(case: Sample | tuple[Sample, hostile.Hostile]) -> str:
    """Name a case: the sample, and the variant where there is one."""
    if isinstance(case, Sample):
        return case.name
    sample, variant = case
    return f"{sample.name}-{variant.name}"


def assert_answer(answer: Answer) -> None:
    """An answer has a status, a body, and the form that its content type names."""
    assert 200 <= answer.status < 600, f"{answer.status} is no status of an answer"
    assert answer.body, "the answer is empty"
    kind = answer.content_type.lower()
    assert kind, "the answer has no content type"
    if "json" in kind or "xml" in kind:
        whole = hostile.well_formed(answer.body, xml="xml" in kind)
        assert whole, f"the answer is not {answer.content_type}: {answer.body[:200]!r}"


