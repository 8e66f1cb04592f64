# SPDX-License-Identifier: MIT
"""Wrong settings are refused in words, before anything starts."""

import pytest
from offload.settings import read_settings


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("OFFLOAD_REDIS_URL", "localhost:6379", "expected redis://HOST:PORT/DATABASE"),
        ("OFFLOAD_REDIS_TIMEOUT", "0", "expected a number from 0.01 to 10"),
        ("OFFLOAD_REDIS_TIMEOUT", "nan", "expected a number from 0.01 to 10"),
        ("OFFLOAD_RESULT_SECONDS", "soon", "expected a number from 1 to"),
        ("OFFLOAD_ATTEMPTS", "0", "expected a number from 1 to 1000"),
        ("OFFLOAD_VISIBILITY_SECONDS", "10", "a job takes 10 s"),
    ],
)
def test_mistakes(name, value, expected):
    with pytest.raises(ValueError, match=name) as caught:
        read_settings({name: value}, duration_s=10.0)
    assert expected in str(caught.value)


def test_defaults():
    assert read_settings({}, duration_s=10.0).visibility_s == 60
    assert read_settings({"OFFLOAD_REDIS_URL": ""}, duration_s=100.0).visibility_s == 300


def test_a_password_is_not_repeated():
    with pytest.raises(ValueError) as caught:
        read_settings({"OFFLOAD_REDIS_URL": "http://:secret@host"})
    assert "secret" not in str(caught.value)
