"""A port was drawn for two commands at once, and the second could not listen on it."""

from concurrent.futures import ThreadPoolExecutor

from checks.served import free_ports


def test_no_port_is_given_to_two_callers() -> None:
    with ThreadPoolExecutor(8) as pool:
        drawn = [port for some in pool.map(free_ports, [3] * 1000) for port in some]
    assert len(set(drawn)) == len(drawn) == 3000
