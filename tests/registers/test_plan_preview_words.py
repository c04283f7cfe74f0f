"""What is said of how long a plan will take: numbers as each language writes them."""

from __future__ import annotations

from hub.registers import plan_preview


def test_seconds_have_the_decimal_mark_of_the_language() -> None:
    for measured, wanted in ((0, "0.5"), (9, "0.50")):
        vi, en = plan_preview._assumed(0.5, measured, 2)

        assert f"mất {wanted.replace('.', ',')} giây" in vi
        assert f"{wanted} s for each call" in en
