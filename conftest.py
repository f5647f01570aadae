"""Fixtures that several rooms' tests share."""

pytest_plugins = ["tests.fixtures_pulse", "tests.fixtures_display"]
