"""A port that is reserved is there for the server that is told of it, and for no other."""

import socket

import pytest

from bench.ports import reserved


def place(address):
    """The host and the port of an address."""
    host, _, port = address.partition(":")
    return host, int(port)


def test_a_reserved_port_is_closed_until_the_server_that_is_told_of_it_opens_it():
    with reserved(2) as addresses:
        for address in addresses:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(place(address))
            with socket.create_server(place(address)):
                socket.create_connection(place(address)).close()


def test_no_port_is_reserved_twice_at_a_time():
    with reserved(3) as some, reserved(3) as others:
        assert len({*some, *others}) == 6


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_a_server_has_open_is_passed_over(host):
    with reserved(1) as (first,):
        server = socket.create_server((host, place(first)[1]))
    with server, reserved(1) as (second,):
        assert second != first
