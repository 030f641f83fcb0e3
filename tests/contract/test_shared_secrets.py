"""What servers share: the first proposal, the same for all, on memory, SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor


def test_the_first_proposal_stands_for_everybody(store):
    def propose(number):
        with store.begin() as unit:
            return unit.shared_secrets.agree("nonces", f"secret-{number}")

    with ThreadPoolExecutor(4) as pool:
        agreed = set(pool.map(propose, range(8)))
    assert len(agreed) == 1
    assert {propose(9)} == agreed


def test_each_name_has_its_own(store):
    with store.begin() as unit:
        assert unit.shared_secrets.agree("one", "a") == "a"
        assert unit.shared_secrets.agree("two", "b") == "b"
