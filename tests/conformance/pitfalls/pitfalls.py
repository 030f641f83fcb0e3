"""What others of our trade got wrong, and the tests that try it on ours: `test_manifest.py` holds each line to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tried:
    """One way to go wrong, and who tries it: names of tests by file, below `tests/`.

    `published`: under which ids others published that they went it.
    """

    id: str
    what: str
    tests: Mapping[str, tuple[str, ...]]
    published: tuple[str, ...] = ()


TRIED = (
    Tried(
        "1",
        "a token with act that is exchanged again, without actor_token",
        {
            "unit/delegation/test_attacks.py": (
                "test_keycloak_52691_an_exchange_without_actor_token_never_drops_or_appends_act",
            ),
            "unit/delegation/test_again.py": (
                "test_keycloak_52691_a_token_for_a_person_is_never_exchanged_without_who_acts",
                "test_keycloak_52691_the_same_agent_with_less_keeps_act_as_it_was",
            ),
            "unit/delegation/test_sub_agents.py": ("test_actors_nest_with_the_current_one_outside",),
        },
        published=("Keycloak #52691",),
    ),
    Tried(
        "2",
        "an actor that is disabled between two exchanges",
        {
            "unit/delegation/test_attacks.py": (
                "test_keycloak_52691_an_actor_disabled_between_two_exchanges_gets_nothing",
            ),
            "unit/delegation/test_again.py": (
                "test_keycloak_52691_an_agent_that_was_stopped_meanwhile_gets_nothing",
                "test_an_owner_who_was_disabled_meanwhile_stops_it",
            ),
            "unit/exchange/test_refusals.py": ("test_a_workload_gets_nothing_when_its_world_has_ended",),
        },
        published=("Keycloak #52691",),
    ),
    Tried(
        "3",
        "introspection that says otherwise than the token: act, cnf, sub",
        {
            "unit/delegation/test_again.py": ("test_keycloak_53029_and_51492_introspection_says_what_the_token_says",),
            "unit/delegation/test_sub_agents.py": ("test_introspection_says_what_the_token_says",),
            "unit/oauth/test_people.py": ("test_introspection_says_what_the_token_says_act_included",),
            "unit/oauth/test_possession.py": ("test_introspection_says_the_key_and_the_type",),
        },
        published=("Keycloak #53029, #51492",),
    ),
    Tried(
        "4",
        "a scope that only one of subject and actor has; a subject without scopes",
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
        published=("Zitadel 4.15.3", "Zitadel #12319, #12322"),
    ),
    Tried(
        "5",
        "one jti fifty times at once",
        {
            "unit/exchange/test_replays.py": ("test_a_token_used_fifty_times_at_once_succeeds_exactly_once",),
            "unit/delegation/test_attacks.py": (
                "test_a_workload_token_of_one_use_starts_one_sub_agent_of_fifty_at_once",
            ),
            "e2e/exchange/test_replicas.py": ("test_a_token_used_fifty_times_at_two_replicas_succeeds_exactly_once",),
            "e2e/faults/test_fault_matrix.py": ("test_fifty_at_once_with_one_token_get_one_lease",),
        },
    ),
    Tried(
        "6",
        "a flood of unknown key ids, and a rotation in it",
        {
            "unit/keys/test_issuer_keys.py": (
                "test_a_flood_of_unknown_kids_costs_one_fetch_in_thirty_seconds",
                "test_a_rotated_key_is_found_after_the_cool_down",
            ),
            "unit/verify/test_issuer.py": ("test_a_flood_of_unknown_keys_costs_one_fetch_per_cool_down",),
            "e2e/faults/test_fault_matrix.py": (
                "test_a_flood_of_unknown_key_ids_costs_one_fetch_per_cool_down_and_rotation_still_works",
            ),
        },
    ),
    Tried(
        "7",
        "keys that are empty, refused, huge, elsewhere, slow, on a private address, or of a name that moves",
        {
            "unit/keys/test_issuer_keys.py": ("test_an_empty_or_broken_set_replaces_nothing",),
            "unit/keys/test_network.py": (
                "test_anything_but_ok_is_refused_and_a_redirect_is_not_followed",
                "test_a_body_over_the_cap_is_refused_before_it_is_whole",
                "test_a_server_that_drips_is_cut_off_by_one_deadline",
                "test_a_private_address_is_refused_after_resolution",
                "test_a_name_that_resolves_anew_is_not_asked_again",
            ),
        },
    ),
    Tried(
        "8",
        "the same sub of another issuer; an issuer that is spelt alike",
        {
            "unit/exchange/test_refusals.py": (
                "test_the_same_subject_of_another_cluster_gets_nothing",
                "test_an_issuer_is_compared_to_the_letter",
            ),
            "conformance/issuers/test_issuer_kinds.py": ("test_the_same_subject_of_another_issuer_is_refused",),
            "unit/keys/test_verification.py": ("test_another_issuer_is_refused",),
            "unit/authn/test_subjects.py": ("test_a_binding_names_subjects_of_its_own_issuer_alone",),
        },
    ),
    Tried(
        "9",
        "GitHub's two forms of sub, a renamed repository, pull_request_target; a fork's merge request on GitLab",
        {
            "unit/exchange/test_registry_tokens.py": ("test_both_forms_of_githubs_sub_are_the_same_run",),
            "unit/exchange/test_refusals.py": ("test_pull_request_target_gets_nothing_at_all",),
            "conformance/issuers/test_issuer_kinds.py": (
                "test_what_may_change_does_not_matter",
                "test_another_subject_is_refused",
                "test_what_nobody_accepted_yet_may_plan_and_never_act",
            ),
        },
    ),
    Tried(
        "10",
        "a service account or a role made anew under the same name",
        {
            "unit/exchange/test_refusals.py": ("test_a_workload_gets_nothing_when_its_world_has_ended",),
            "unit/exchange/test_workloads.py": (
                "test_a_pod_made_anew_is_not_touched_by_the_end_of_the_old_one_nor_keeps_it_alive",
            ),
            "e2e/exchange/test_aws_sts.py": ("test_a_role_made_anew_under_the_same_name_is_another",),
        },
    ),
    Tried(
        "11",
        "a binding that is gone, a database that cannot be read, a feed that is silent: closed, never open",
        {
            "conformance/pitfalls/test_published.py": (
                "test_octo_sts_a_policy_that_is_gone_opens_nothing",
                "test_octo_sts_a_registry_that_cannot_be_read_opens_nothing",
                "test_octo_sts_what_was_narrowed_is_narrow_at_the_next_exchange",
            ),
            "unit/model/test_conditions.py": ("test_a_star_stays_within_one_part",),
            "unit/verify/test_feed.py": (
                "test_silence_ends_in_introspection_first_for_writes_then_for_reads_then_in_refusal",
            ),
            "e2e/faults/test_fault_matrix.py": ("test_no_fault_opens_anything_or_leaves_half_of_it",),
            "e2e/revocations/test_revoked_to_refused.py": (
                "test_without_the_service_writes_end_at_once_reads_later_and_both_come_back",
            ),
        },
        published=("octo-sts, documented",),
    ),
    Tried(
        "12",
        "a bound token as Bearer, a proof of something else, a proof replayed at another replica",
        {
            "unit/oauth/test_bound_tokens.py": (
                "test_a_bound_token_is_no_bearer_token",
                "test_a_proof_of_something_else_does_not_open_it",
                "test_a_proof_opens_a_door_once",
            ),
            "e2e/exchange/test_people_on_replicas.py": ("test_a_proof_used_at_two_replicas_succeeds_exactly_once",),
            "e2e/exchange/test_nonces_on_replicas.py": ("test_replicas_share_nonces_and_the_memory_of_proofs",),
        },
    ),
    Tried(
        "13",
        "several audiences, another typ, a member twice, weak RSA, an exp far away, a key for encryption",
        {
            "unit/keys/test_verification.py": (
                "test_any_audience_but_exactly_ours_is_refused",
                "test_a_token_of_another_type_is_refused",
                "test_duplicate_members_are_refused",
                "test_each_edge_of_time",
            ),
            "unit/keys/test_jwks.py": (
                "test_a_weak_rsa_key_is_left_out",
                "test_a_key_that_must_not_verify_is_left_out",
            ),
        },
    ),
    Tried(
        "14",
        "a revocation that is answered before it is durable, or lost between commit and push; clocks that jump",
        {
            "unit/oauth/test_other_endpoints.py": ("test_a_revocation_that_is_not_durable_is_not_answered_as_done",),
            "e2e/revocations/test_revoked_to_refused.py": (
                "test_a_server_killed_between_commit_and_push_loses_nothing",
            ),
            "unit/verify/test_feed.py": (
                "test_a_dropped_event_is_noticed_by_the_next_batch_and_by_the_next_heartbeat",
                "test_a_clock_set_back_wakes_no_expired_token",
                "test_a_clock_set_forward_refuses_rather_than_opens",
            ),
            "unit/exchange/test_replays.py": ("test_a_clock_that_leaps_ahead_and_back_makes_no_token_good_again",),
        },
    ),
    Tried(
        "15",
        "a destroy while an exchange is under way",
        {
            "unit/exchange/test_ends.py": (
                "test_a_token_exchanged_while_its_deployment_is_destroyed_is_not_issued",
                "test_a_revocation_during_an_exchange_is_never_overtaken",
            ),
            "e2e/exchange/test_replicas.py": ("test_exchanges_during_destroys_are_refused_or_dead",),
        },
    ),
    Tried(
        "16",
        "a child that outlives its parent, depth, parts of siblings",
        {
            "unit/delegation/test_sub_agents.py": ("test_a_child_never_outlives_its_parent",),
            "unit/delegation/test_attacks.py": (
                "test_depth_overflow",
                "test_depth_overflow_the_least_of_all_settings_above_holds",
                "test_sibling_splice_a_child_dies_with_its_own_parent_and_says_which_it_is",
                "test_sibling_splice_parts_of_two_tokens_make_no_token",
            ),
        },
    ),
    Tried(
        "17",
        "Kubernetes tokens of a year, and legacy ones",
        {
            "unit/exchange/test_refusals.py": (
                "test_a_legacy_token_of_a_year_is_refused",
                "test_a_legacy_secret_token_is_refused",
            ),
        },
    ),
    Tried(
        "18",
        "patterns that are slow, or broader than they look",
        {
            "unit/model/test_conditions.py": (
                "test_a_pattern_broader_than_it_looks_is_refused",
                "test_no_pattern_can_be_made_slow",
                "test_the_provider_refuses_the_patterns_that_the_registry_refuses",
            ),
        },
    ),
    Tried(
        "19",
        "a secret in Terraform's state or in a log",
        {
            "e2e/provider/test_credential.py": ("test_a_token_lives_while_terraform_does_and_is_stored_nowhere",),
            "unit/provider/test_session_and_credential.py": (
                "test_a_credential_is_exchanged_for_one_server_and_leaves_no_secret_in_private_state",
            ),
            "unit/provider/test_secret_names.py": (
                "test_a_secret_in_place_of_its_name_is_refused_at_the_resource_and_not_quoted",
            ),
            "unit/oauth/test_token_endpoint.py": ("test_nothing_is_logged_of_a_token",),
        },
    ),
    Tried(
        "20",
        "errors that tell a stranger what exists",
        {
            "unit/exchange/test_refusals.py": (
                "test_every_refusal_reads_the_same_byte_for_byte",
                "test_an_unknown_and_an_ungranted_resource_read_the_same_byte_for_byte",
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
        published=("OpenBao CVE-2026-45808, GHSA-c36x-h252-g9x2",),
    ),
    Tried(
        "OpenBao CVE-2026-46358",
        "authentication within the request leaves no audit record",
        {
            "conformance/pitfalls/test_published.py": (
                "test_cve_2026_46358_whoever_proves_itself_within_a_request_is_on_record_or_gets_nothing",
            ),
        },
        published=("OpenBao CVE-2026-46358",),
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
        published=("SPIRE 1.14.6, aws_iid",),
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
        published=("SPIRE 1.14.6, join token",),
    ),
    Tried(
        "PyJWT CVE-2026-48522",
        "keys are read from file:, ftp: and data:",
        {
            "unit/keys/test_network.py": ("test_cve_2026_48522_another_scheme_or_a_broken_url_is_refused",),
        },
        published=("PyJWT CVE-2026-48522",),
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
        published=("PyJWT CVE-2026-48523",),
    ),
    Tried(
        "PyJWT CVE-2026-48524",
        "one fetch that fails takes the known keys away",
        {
            "unit/keys/test_issuer_keys.py": (
                "test_cve_2026_48524_keys_outlive_an_issuer_that_does_not_answer_but_not_for_ever",
            ),
        },
        published=("PyJWT CVE-2026-48524",),
    ),
    Tried(
        "PyJWT CVE-2026-48525, CVE-2026-32597",
        "b64 false makes a payload be decoded for nothing; crit is not looked at",
        {
            "unit/keys/test_verification.py": (
                "test_cve_2026_48525_a_header_that_brings_keys_or_changes_meaning_is_refused",
            ),
        },
        published=("PyJWT CVE-2026-48525, CVE-2026-32597",),
    ),
    Tried(
        "PyJWT CVE-2026-48526",
        "a public key, written as a JWK, serves as the secret of an HMAC",
        {
            "unit/keys/test_verification.py": ("test_cve_2026_48526_hs256_with_the_public_key_as_secret_is_refused",),
        },
        published=("PyJWT CVE-2026-48526",),
    ),
)
