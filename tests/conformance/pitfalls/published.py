"""What was published of other products of our trade, each under its id, and the tests that try it on ours."""

from __future__ import annotations

from tests.conformance.pitfalls.pitfalls import Tried

PUBLISHED = (
    Tried(
        "Keycloak #52691",
        "delegation is bypassed: act is dropped, and the actor's end does not count",
        {
            "unit/delegation/test_attacks.py": (
                "test_keycloak_52691_an_exchange_without_actor_token_never_drops_or_appends_act",
                "test_keycloak_52691_an_actor_disabled_between_two_exchanges_gets_nothing",
            ),
            "unit/delegation/test_again.py": (
                "test_keycloak_52691_a_token_for_a_person_is_never_exchanged_without_who_acts",
                "test_keycloak_52691_the_same_agent_with_less_keeps_act_as_it_was",
                "test_keycloak_52691_an_agent_that_was_stopped_meanwhile_gets_nothing",
                "test_an_owner_who_was_disabled_meanwhile_stops_it",
            ),
        },
    ),
    Tried(
        "Keycloak #53029, #51492",
        "introspection leaves act out, or spells its sub otherwise",
        {
            "unit/delegation/test_again.py": ("test_keycloak_53029_and_51492_introspection_says_what_the_token_says",),
            "unit/delegation/test_sub_agents.py": ("test_introspection_says_what_the_token_says",),
            "unit/oauth/test_people.py": ("test_introspection_says_what_the_token_says_act_included",),
            "unit/oauth/test_possession.py": ("test_introspection_says_the_key_and_the_type",),
        },
    ),
    Tried(
        "Zitadel 4.15.3",
        "a scope of the other client is handed out",
        {
            "unit/delegation/test_attacks.py": (
                "test_zitadel_scope_escalation_a_scope_must_be_in_subject_and_actor",
                "test_zitadel_12319_an_actor_without_scopes_contributes_its_grants",
            ),
            "unit/delegation/test_again.py": (
                "test_zitadel_4_15_3_a_scope_that_only_one_side_has_is_refused",
                "test_zitadel_12319_a_workload_without_scopes_stands_for_what_its_agent_is_granted",
            ),
        },
    ),
    Tried(
        "Zitadel #12319, #12322",
        "the fix leaves a subject without scopes with nothing",
        {
            "unit/delegation/test_attacks.py": ("test_zitadel_12319_an_actor_without_scopes_contributes_its_grants",),
            "unit/delegation/test_again.py": (
                "test_zitadel_12319_a_workload_without_scopes_stands_for_what_its_agent_is_granted",
            ),
        },
    ),
    Tried(
        "OpenBao CVE-2026-45808, GHSA-c36x-h252-g9x2",
        "whoever knows the id of a lease ends it, whosever it is",
        {
            "unit/registry/test_revocations.py": (
                "test_ghsa_c36x_and_cve_2026_45808_a_developer_revokes_within_the_team_alone",
                "test_a_stack_revokes_nothing_of_another_stack",
            ),
            "unit/web/test_authorization.py": ("test_every_route_stands_in_the_table",),
        },
    ),
    Tried(
        "OpenBao CVE-2026-46358",
        "authentication within the request leaves no audit record",
        {
            "conformance/pitfalls/test_published.py": (
                "test_cve_2026_46358_whoever_proves_itself_within_a_request_is_on_record_or_gets_nothing",
            ),
        },
    ),
    Tried(
        "octo-sts, documented",
        "it fails open while a policy is absent, deleted or unreadable, and narrows late",
        {
            "conformance/pitfalls/test_published.py": (
                "test_octo_sts_a_policy_that_is_gone_opens_nothing",
                "test_octo_sts_a_registry_that_cannot_be_read_opens_nothing",
                "test_octo_sts_what_was_narrowed_is_narrow_at_the_next_exchange",
            ),
            "unit/model/test_conditions.py": ("test_a_star_stays_within_one_part",),
        },
    ),
    Tried(
        "SPIRE 1.14.6, aws_iid",
        "one content is verified, and the identity read from another that the caller chose",
        {
            "unit/keys/test_signed_callers.py": (
                "test_spire_1_14_6_an_identity_beside_the_signed_request_counts_for_nothing",
            ),
            "unit/keys/test_token_review.py": ("test_what_the_cluster_does_not_confirm_is_refused",),
        },
    ),
    Tried(
        "SPIRE 1.14.6, join token",
        "a token for one use works twice at once",
        {
            "unit/oauth/test_registering.py": ("test_an_initial_access_token_works_once_however_many_try_at_once",),
            "contract/test_clients.py": ("test_a_token_brought_by_many_at_once_registers_one_client",),
            "contract/test_bootstrap.py": (
                "test_spire_1_14_6_a_token_for_one_use_works_once_however_many_try_at_once",
            ),
        },
    ),
    Tried(
        "PyJWT CVE-2026-48522",
        "keys are read from file:, ftp: and data:",
        {
            "unit/keys/test_network.py": ("test_cve_2026_48522_another_scheme_or_a_broken_url_is_refused",),
        },
    ),
    Tried(
        "PyJWT CVE-2026-48523",
        "a key verifies an algorithm that its issuer does not use",
        {
            "unit/keys/test_verification.py": (
                "test_cve_2026_48523_another_algorithm_of_the_same_key_is_refused",
                "test_cve_2026_48523_a_header_that_names_one_algorithm_over_a_signature_of_another_is_refused",
            ),
        },
    ),
    Tried(
        "PyJWT CVE-2026-48524",
        "one fetch that fails takes the known keys away",
        {
            "unit/keys/test_issuer_keys.py": (
                "test_cve_2026_48524_keys_outlive_an_issuer_that_does_not_answer_but_not_for_ever",
            ),
        },
    ),
    Tried(
        "PyJWT CVE-2026-48525, CVE-2026-32597",
        "b64 false makes a payload be decoded for nothing; crit is not looked at",
        {
            "unit/keys/test_verification.py": (
                "test_cve_2026_48525_a_header_that_brings_keys_or_changes_meaning_is_refused",
            ),
        },
    ),
    Tried(
        "PyJWT CVE-2026-48526",
        "a public key, written as a JWK, serves as the secret of an HMAC",
        {
            "unit/keys/test_verification.py": ("test_cve_2026_48526_hs256_with_the_public_key_as_secret_is_refused",),
        },
    ),
)
