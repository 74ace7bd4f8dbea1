//! What a search of users asks for, as plain values.

/// Which users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Those of all of these; of none: everybody.
    All(Vec<Condition>),
    /// Those of any of these; of none: nobody.
    Any(Vec<Condition>),
    /// The others, also those of whom it cannot be told.
    Not(Box<Condition>),
    /// With such a text.
    Text(Text, Match),
    /// With this flag.
    Flag(Flag, bool),
    /// With a number in this range.
    Number(Number, Range),
    /// With any text.
    HasText(Text),
    /// With the flag set or unset.
    HasFlag(Flag),
    /// With any number.
    HasNumber(Number),
    /// With this scalar in the metadata, in the right case.
    Metadata {
        /// The names on the way to it, joined by dots, from `app_metadata` or `user_metadata` on.
        path: String,
        /// As text.
        value: String,
    },
    /// With any scalar there, or below.
    HasMetadata(String),
    /// Members of the organization with this id.
    MemberOf(String),
}

/// Users of whom a text begins in some way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Which text.
    pub text: Text,
    /// How it begins; in lower case where the text is.
    pub begins: String,
}

/// A text about a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// The id.
    UserId,
    /// The name of the connection.
    Connection,
    /// The address, in lower case.
    Email,
    /// What follows the `@` of the address, in lower case.
    EmailDomain,
    /// In lower case.
    Username,
    /// In lower case.
    Name,
    /// In lower case.
    Nickname,
    /// In lower case.
    GivenName,
    /// In lower case.
    FamilyName,
    /// As given.
    PhoneNumber,
    /// The address of the last login.
    LastIp,
}

/// A flag of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Whether the address was verified.
    EmailVerified,
    /// Whether the phone number was verified.
    PhoneVerified,
    /// Whether an operator blocked the user; unset until one said.
    Blocked,
}

/// A number about a user. Times are epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// When the user was created.
    CreatedAt,
    /// When the user last changed.
    UpdatedAt,
    /// When the user last logged in.
    LastLogin,
    /// Completed logins.
    LoginsCount,
}

/// How a text is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// It is this.
    Is(String),
    /// It consists of these pieces, with anything between them; two at least.
    Pieces(Vec<String>),
    /// It lies between these in the order of bytes.
    Between(Option<Edge>, Option<Edge>),
}

/// An end of a range of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The text.
    pub text: String,
    /// Whether it belongs to the range.
    pub inclusive: bool,
}

/// A range of numbers; `None` is without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// The least.
    pub from: Option<i64>,
    /// The first one beyond.
    pub before: Option<i64>,
}

/// What users are sorted by; ties by id. Who has no value comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A text.
    Text(Text),
    /// A number.
    Number(Number),
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Which users.
    pub condition: Condition,
    /// By what.
    pub key: Key,
    /// The greatest first.
    pub is_descending: bool,
}
