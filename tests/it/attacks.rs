//! Published attacks on comparable servers, tried here. Those on one endpoint are tested beside it:
//!
//! | advisory | tested in |
//! |---|---|
//! | CVE-2026-123542 OpenAM: PKCE ignored in the device flow | `device::a_challenge_is_held_to_at_every_poll` |
//! | CVE-2022-39222 Dex: the approval page in another browser | `responses::a_page_that_carries_a_response_cannot_be_had_by_another_browser`, `consent::a_consent_page_cannot_be_answered_by_somebody_else`, `device::a_question_is_answered_once_by_whom_it_was_put_to` |
//! | CVE-2020-10770 Keycloak: a call by `request_uri` | `par::an_address_as_request_uri_is_refused_and_never_visited` |
//! | CVE-2020-15222 fosite: replay of a client assertion | `client_assertion::of_parallel_replays_on_two_nodes_exactly_one_wins`, `what_is_wrong_with_an_assertion_is_never_told_and_costs_nothing` |
//! | CVE-2024-52287 authentik: scopes nobody registered | `obligations::the_scope_is_what_was_asked_for_as_far_as_it_is_allowed_and_never_more`, and here for machines |
//! | CVE-2026-9798, CVE-2026-16103 Keycloak: blocked before the redemption | `code_flow::a_code_dies_with_time_logout_and_block`, `device::who_is_blocked_or_deleted_between_confirmation_and_poll_gets_nothing`, `passwordless::a_right_code_that_something_else_stands_in_the_way_of_is_not_spent` |
//! | CVE-2026-41707 Spring: used DPoP proofs pushed out of a cache | `dpop::used_proofs_are_remembered_by_time_and_not_by_number` |
//! | CVE-2025-64102 ZITADEL, CVE-2018-14657 Keycloak: guessing without limit | `passwordless::five_wrong_tries_end_a_code_and_new_codes_bring_no_new_tries`, `device::wrong_codes_are_counted_per_user_whatever_the_browser` |
//! | CVE-2024-7341 Keycloak: a session that outlives the login or the logout | `login_page::a_login_gives_a_new_session_and_ends_the_old_one`, `logout::a_stolen_cookie_is_dead_after_the_logout`, and here for signing up |
//! | CVE-2026-1180 Keycloak, CVE-2026-56739 Logto: calls to private addresses | `backchannel_logout::private_addresses_are_refused_when_registered_and_when_called` |
//! | CVE-2026-4874 Keycloak: `Origin: null` | `discovery`, `cors` |

mod flows;
mod pages;
