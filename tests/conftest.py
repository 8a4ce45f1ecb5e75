"""What all tests have: the `fake_mautic` fixture, as users get it from the plugin's entry point.

The entry point itself is switched off in `pyproject.toml`: it would import the package before its coverage is measured.
"""

pytest_plugins = ["mautic_async.testing.plugin", "tests.support.redis_server"]
