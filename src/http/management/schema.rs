//! The declarative description of what may be written to a resource. Adding a member is one line in
//! the resource's list of fields. What validates a body is also what the OpenAPI document shows.
//!
//! Why no library carries this. `garde` and `validator` derive their checks for structs that were
//! deserialized, where a member that is absent, one that is `null` and one that is unknown are no
//! longer told apart; a PATCH lives by that difference, and documents are kept as they were sent.
//! `jsonschema` judges JSON as it came, but in its own words, and clients match on those of the
//! service that this API is compatible with, down to the description of a member in parentheses and
//! to which of several faults is named; its errors would have to be put in order and translated one
//! by one, and when a member may be written or removed is not in its language. What is left is the
//! walk in [`validation`](super::validation), shorter than such a translation.

/// A member of a JSON object that may be written.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What validation messages say it is.
    pub about: &'static str,
    /// Must be given: at the root on creation, in nested objects always.
    pub required: bool,
    /// When `null` is accepted, which removes the member.
    pub null: Null,
    /// When it may be written at all.
    pub when: When,
}

/// When `null` is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    /// Not at all.
    Never,
    /// In a PATCH.
    OnUpdate,
    /// On creation too, where it is the same as leaving the member out.
    Always,
}

/// When a member may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On creation and later.
    Always,
    /// On creation only.
    Create,
    /// In a PATCH only.
    Update,
}

/// What a member may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any JSON.
    Any,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A string.
    Text(Text),
    /// An array.
    Array {
        /// Each item.
        of: &'static Kind,
        /// Fewest items.
        min: usize,
        /// Most items.
        max: usize,
    },
    /// An object.
    Object(Object),
}

/// Limits of a string.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// What it looks like.
    pub shape: Option<Shape>,
    /// The only values, if any are listed.
    pub one_of: &'static [&'static str],
}

/// What a string looks like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Named by a regular expression in messages.
    Pattern(&'static str, fn(&str) -> bool),
    /// Named by a word in messages.
    Format(&'static str, fn(&str) -> bool),
}

/// Limits of an object.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    /// The members that are known.
    pub fields: &'static [Field],
    /// What other members hold; `None` refuses them.
    pub others: Option<&'static Kind>,
    /// Fewest members.
    pub min: usize,
    /// Most members.
    pub max: usize,
}

/// A member that may be left out and is never `null`.
pub const fn field(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, about, required: false, null: Null::Never, when: When::Always }
}

impl Field {
    /// It must be given.
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }
    /// A PATCH may remove it with `null`.
    pub const fn removable(self) -> Self {
        Self { null: Null::OnUpdate, ..self }
    }
    /// It may be `null`.
    pub const fn nullable(self) -> Self {
        Self { null: Null::Always, ..self }
    }
    /// It cannot be changed later.
    pub const fn immutable(self) -> Self {
        Self { when: When::Create, ..self }
    }
    /// It cannot be given on creation.
    pub const fn update_only(self) -> Self {
        Self { when: When::Update, ..self }
    }
}

/// Any string.
pub const TEXT: Kind = text(0, usize::MAX);
/// A string that is not empty.
pub const NON_EMPTY: Kind = text(1, usize::MAX);
/// `true` or `false`.
pub const BOOLEAN: Kind = Kind::Boolean;
/// An object with any members.
pub const ANY_OBJECT: Kind = open(&[]);

/// A string of `min` to `max` characters.
pub const fn text(min: usize, max: usize) -> Kind {
    Kind::Text(Text { min, max, shape: None, one_of: &[] })
}
/// One of these strings.
pub const fn one_of(values: &'static [&'static str]) -> Kind {
    Kind::Text(Text { min: 0, max: usize::MAX, shape: None, one_of: values })
}
/// A string that looks like `shape`.
pub const fn shaped(min: usize, max: usize, shape: Shape) -> Kind {
    Kind::Text(Text { min, max, shape: Some(shape), one_of: &[] })
}
/// A whole number from `min` to `max`.
pub const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}
/// An array.
pub const fn array(of: &'static Kind) -> Kind {
    array_of(of, 0, usize::MAX)
}
/// An array of `min` to `max` items.
pub const fn array_of(of: &'static Kind, min: usize, max: usize) -> Kind {
    Kind::Array { of, min, max }
}
/// An object with these members and no others.
pub const fn object(fields: &'static [Field]) -> Kind {
    Kind::Object(Object { fields, others: None, min: 0, max: usize::MAX })
}
/// An object with one of these members at least and no others.
pub const fn filled_object(fields: &'static [Field]) -> Kind {
    Kind::Object(Object { fields, others: None, min: 1, max: usize::MAX })
}
/// An object with these members and any others.
pub const fn open(fields: &'static [Field]) -> Kind {
    Kind::Object(Object { fields, others: Some(&Kind::Any), min: 0, max: usize::MAX })
}
/// An object with at most `max` members of any name, each of which holds `of`.
pub const fn map(of: &'static Kind, max: usize) -> Kind {
    Kind::Object(Object { fields: &[], others: Some(of), min: 0, max })
}
