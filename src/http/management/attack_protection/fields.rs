//! What may be written to the protections.

use crate::http::management::{
    formats::ADDRESS_RANGE,
    schema::{BOOLEAN, Field, Kind, array_of, field, integer, object, one_of, shaped},
};

/// Most addresses of an allow list.
const MOST_ADDRESSES: usize = 100;
/// Most of anything else.
const MOST: usize = 10;
/// A day in milliseconds.
const DAY: i64 = 86_400_000;

const ALLOWLIST: Kind = array_of(&shaped(0, 64, ADDRESS_RANGE), 0, MOST_ADDRESSES);
const ALLOWLIST_ABOUT: &str =
    "List of trusted IP addresses that will not have attack protection enforced against them.";

/// `/attack-protection/brute-force-protection`
#[rustfmt::skip]
pub const BRUTE_FORCE_PROTECTION: &[Field] = &[
    field("enabled", BOOLEAN, "Whether or not brute force attack protections are active."),
    field("shields", array_of(&one_of(&["block", "user_notification"]), 0, MOST), "Action to take when a brute force protection threshold is violated."),
    field("allowlist", ALLOWLIST, ALLOWLIST_ABOUT),
    field("mode", one_of(&["count_per_identifier_and_ip", "count_per_identifier"]), "Account Lockout: Determines whether or not IP address is used when counting failed attempts."),
    field("max_attempts", integer(1, 100), "Maximum number of unsuccessful attempts."),
];

/// `/attack-protection/suspicious-ip-throttling`
#[rustfmt::skip]
pub const SUSPICIOUS_IP_THROTTLING: &[Field] = &[
    field("enabled", BOOLEAN, "Whether or not suspicious IP throttling attack protections are active."),
    field("shields", array_of(&one_of(&["block", "admin_notification"]), 0, MOST), "Action to take when a suspicious IP throttling threshold is violated."),
    field("allowlist", ALLOWLIST, ALLOWLIST_ABOUT),
    field("stage", object(&[
        field("pre-login", object(&[
            field("max_attempts", integer(1, 2_500), "Total number of attempts allowed per day."),
            field("rate", integer(34_560, DAY), "Interval of time, given in milliseconds, at which new attempts are granted."),
        ]), "Configuration options that apply before every login attempt."),
        field("pre-user-registration", object(&[
            field("max_attempts", integer(1, 72_000), "Total number of attempts allowed."),
            field("rate", integer(1_200, DAY), "Interval of time, given in milliseconds, at which new attempts are granted."),
        ]), "Configuration options that apply before every user registration attempt."),
    ]), "Holds per-stage configuration options (max_attempts and rate)."),
];

const SHIELDS_OF_STAGE: Kind = array_of(&one_of(&["block", "admin_notification"]), 0, MOST);

/// `/attack-protection/breached-password-detection`
#[rustfmt::skip]
pub const BREACHED_PASSWORD_DETECTION: &[Field] = &[
    field("enabled", BOOLEAN, "Whether or not breached password detection is active."),
    field("shields", array_of(&one_of(&["block", "user_notification", "admin_notification"]), 0, MOST), "Action to take when a breached password is detected during a login."),
    field("admin_notification_frequency", array_of(&one_of(&["immediately", "daily", "weekly", "monthly"]), 0, MOST), "When \"admin_notification\" is enabled, determines how often email notifications are sent."),
    field("method", one_of(&["standard", "enhanced"]), "The subscription level for breached password detection methods."),
    field("stage", object(&[
        field("pre-user-registration", object(&[
            field("shields", SHIELDS_OF_STAGE, "Action to take when a breached password is detected during a signup."),
        ]), ""),
        field("pre-change-password", object(&[
            field("shields", SHIELDS_OF_STAGE, "Action to take when a breached password is detected during a password reset."),
        ]), ""),
    ]), ""),
];
