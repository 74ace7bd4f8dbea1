//! Secrets in the clear. None of them has a `Display` or `Serialize`, and `Debug` is redacted, so
//! that a secret cannot reach a log or a response by accident: it leaves only through `expose`.

/// Declares a redacted string newtype for one kind of secret.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Wraps the secret.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }
            /// The secret in the clear. The caller answers for where it goes.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}

secret!(
    /// A client secret (RFC 6749 §2.3.1).
    ClientSecret
);
secret!(
    /// A password as a person typed it.
    Password
);
secret!(
    /// An authorization code as it travels (RFC 6749 §4.1.2).
    Code
);
secret!(
    /// A device code as it travels (RFC 8628 §3.2).
    DeviceCode
);
secret!(
    /// A user code: eight letters, in upper case and without the dash (RFC 8628 §3.2).
    UserCode
);
secret!(
    /// A one-time code as a person reads it in a message: six digits.
    OneTimeCode
);
secret!(
    /// A refresh token as it travels (RFC 6749 §1.5).
    RefreshToken
);
secret!(
    /// A client assertion as it travels (RFC 7521 §4.2): a secret until it is spent.
    ClientAssertion
);
secret!(
    /// The `request_uri` of a pushed authorize request (RFC 9126 §2.2).
    RequestUri
);
secret!(
    /// The value of the session cookie.
    SessionCookie
);
secret!(
    /// What a browser brings back that a script has sent elsewhere.
    SuspensionHandle
);
secret!(
    /// A one-time ticket as it travels in the link of a message.
    Ticket
);
secret!(
    /// What opens the file of a job, as it travels in a link.
    DownloadToken
);
secret!(
    /// The address of a mail server, which may contain a password.
    SmtpUrl
);
secret!(
    /// A database URL, which may contain a password.
    DatabaseUrl
);
