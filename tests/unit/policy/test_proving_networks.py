"""Proofs over networks of both families: cut, widened, told apart, and never in each other's ranges."""

from ipaddress import ip_address, ip_network

import pytest
from tests.unit.policy.test_proving import forbid_unless, from_network, moved, proof

from leasehold.policy.proving.comparing import Movement


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (["2001:db8::/32"], ["2001:db8::/33", "2001:db8:8000::/33"], Movement.EQUIVALENT),
        (["2001:db8::/32"], ["2001:db8::/33"], Movement.NARROWS),
        (["2001:db8::/33"], ["2001:db8::/32"], Movement.WIDENS),
        (["2001:db8::/32"], ["2001:db9::/32"], Movement.BOTH),
        (["::/0", "0.0.0.0/0"], ["::/1", "8000::/1", "0.0.0.0/0"], Movement.EQUIVALENT),
        (["0.0.0.0/0"], ["0.0.0.0/0", "::ffff:0:0/96"], Movement.WIDENS),
        (["::ffff:0:0/96"], ["0.0.0.0/0"], Movement.BOTH),
        (["::1"], ["::1", "::1/128"], Movement.EQUIVALENT),
    ],
)
def test_networks_of_both_families_are_proved_and_are_never_in_each_other(old, new, expected):
    assert moved(from_network(*old), from_network(*new)) is expected


def test_the_witness_of_a_wider_ipv6_network_is_an_address_of_it():
    found = proof(from_network("2001:db8::/33"), from_network("2001:db8::/32")).widening
    address = ip_address(found.request.source)
    assert address in ip_network("2001:db8:8000::/33")


@pytest.mark.parametrize(
    ("predicate", "ranges"),
    [("isLoopback", ("127.0.0.0/8", "::1")), ("isMulticast", ("224.0.0.0/4", "ff00::/8"))],
)
def test_what_an_address_is_by_itself_is_its_range_in_both_families(predicate, ranges):
    asked = forbid_unless(f"context has source_ip && context.source_ip.{predicate}()")
    assert moved(asked, from_network(*ranges)) is Movement.EQUIVALENT
    assert moved(asked, from_network(ranges[0])) is Movement.NARROWS


def test_families_are_told_apart():
    v6 = forbid_unless("context has source_ip && context.source_ip.isIpv6()")
    assert moved(v6, from_network("::/0")) is Movement.EQUIVALENT
    assert moved(v6, forbid_unless("context has source_ip && !context.source_ip.isIpv4()")) is Movement.EQUIVALENT
