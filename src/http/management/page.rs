//! Pages of a listing. The envelope depends on the query, not on the resource.

use axum::Json;
use serde_json::{Map, Value, json};

use super::query::{Cursors, Query};
use crate::http::error::management::ManagementError;

/// Most items on a page.
pub const MOST: i64 = 100;
/// Items on a page that does not say.
const USUAL: i64 = 50;

/// Which part of a listing is asked for.
pub enum Page {
    /// `page`, `per_page` and `include_totals`.
    Offset {
        /// Items before the page.
        start: i64,
        /// Items on it.
        limit: i64,
        /// Whether to answer the envelope with totals instead of a bare array.
        totals: bool,
    },
    /// `from` and `take`: always an envelope, with a cursor and without totals.
    Checkpoint {
        /// The id after which to go on; empty for the beginning.
        after: String,
        /// Items on the page.
        take: i64,
        /// Makes the cursor of the next page; none where an id is one.
        cursors: Option<Cursors>,
    },
}

/// Parameters of paging by offset.
pub const OFFSET: &[&str] = &["page", "per_page", "include_totals"];
/// Parameters of paging by cursor.
pub const CHECKPOINT: &[&str] = &["from", "take"];

impl Page {
    /// Offset and limit, for listings that know no cursor.
    pub fn window(&self) -> (i64, i64) {
        match self {
            Self::Offset { start, limit, .. } => (*start, *limit),
            Self::Checkpoint { take, .. } => (0, *take),
        }
    }

    /// Reads the parameters of both styles. `take` wins over `include_totals`.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn read(query: &Query) -> Result<Self, ManagementError> {
        Self::after(query, query.cursor()?, query.cursors())
    }

    /// The same of a listing that goes on after an item by its id.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn read_by_id(query: &Query) -> Result<Self, ManagementError> {
        Self::after(query, query.text("from")?.unwrap_or("").to_owned(), None)
    }

    fn after(
        query: &Query,
        after: String,
        cursors: Option<Cursors>,
    ) -> Result<Self, ManagementError> {
        let take = query.integer("take", 1, MOST)?;
        if take.is_some() || !after.is_empty() {
            return Ok(Self::Checkpoint { after, take: take.unwrap_or(USUAL), cursors });
        }
        let (page, limit) = numbers(query)?;
        let totals = query.boolean("include_totals")?.unwrap_or(false);
        Ok(Self::Offset { start: page * limit, limit, totals })
    }

    /// Reads `from` and `take`, for listings that have no other style.
    ///
    /// # Errors
    /// `invalid_query_string`.
    pub fn read_cursor(query: &Query) -> Result<(String, i64), ManagementError> {
        let take = query.integer("take", 1, MOST)?.unwrap_or(USUAL);
        Ok((query.cursor()?, take))
    }

    /// The page of a listing that has no other style.
    pub fn checkpoint(query: &Query, after: String, take: i64) -> Self {
        Self::Checkpoint { after, take, cursors: query.cursors() }
    }

    /// The page of a listing that is in memory as `(id, item)`, ordered as the database would.
    pub fn of<T>(&self, mut all: Vec<T>, id: impl Fn(&T) -> &str) -> Listing<T> {
        let total = all.len();
        match self {
            Self::Offset { start, limit, .. } => {
                let skip = usize::try_from(*start).unwrap_or(usize::MAX);
                let keep = usize::try_from(*limit).unwrap_or(0);
                let items = all.into_iter().skip(skip).take(keep).collect();
                Listing { items, total: i64::try_from(total).unwrap_or(i64::MAX), next: None }
            }
            Self::Checkpoint { after, take, .. } => {
                all.retain(|item| id(item) > after.as_str());
                all.sort_by(|a, b| id(a).cmp(id(b)));
                Listing::checkpoint(all, *take, id)
            }
        }
    }

    /// The response for `listing`, whose items are called `name`.
    pub fn answer(&self, name: &str, listing: Listing<Value>) -> Json<Value> {
        let Listing { items, total, next } = listing;
        match self {
            Self::Offset { totals: false, .. } => Json(Value::Array(items)),
            Self::Offset { start, limit, totals: true } => {
                let length = items.len();
                let mut envelope =
                    json!({ "start": start, "limit": limit, "total": total, name: items });
                if matches!(name, "users" | "logs") {
                    envelope["length"] = length.into();
                }
                Json(envelope)
            }
            Self::Checkpoint { cursors, .. } => {
                let mut envelope = Map::new();
                envelope.insert(name.to_owned(), Value::Array(items));
                if let Some(next) = next {
                    let next = cursors.as_ref().map_or(next.clone(), |cursors| cursors.seal(&next));
                    envelope.insert("next".to_owned(), Value::String(next));
                }
                Json(Value::Object(envelope))
            }
        }
    }
}

/// The number of the page, and how many items it has.
///
/// # Errors
/// `invalid_query_string`.
pub fn numbers(query: &Query) -> Result<(i64, i64), ManagementError> {
    // Above this the product with per_page would leave the range of the database.
    let page = query.integer("page", 0, 1_000_000_000)?.unwrap_or(0);
    Ok((page, query.integer("per_page", 0, MOST)?.unwrap_or(USUAL)))
}

/// The items of a page, and what the envelope says about the others.
pub struct Listing<T> {
    /// The items of the page.
    pub items: Vec<T>,
    /// How many there are on all pages; only meaningful when paging by offset.
    pub total: i64,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// A page by cursor, out of up to `take + 1` items: the one too many tells that there is more.
    pub fn checkpoint(mut items: Vec<T>, take: i64, id: impl Fn(&T) -> &str) -> Self {
        let take = usize::try_from(take).unwrap_or(usize::MAX);
        let is_last = items.len() <= take;
        items.truncate(take);
        let next = if is_last { None } else { items.last().map(|item| id(item).to_owned()) };
        Self { items, total: 0, next }
    }

    /// The same page with each item as `write` shows it.
    pub fn map<U>(self, write: impl FnMut(T) -> U) -> Listing<U> {
        let Self { items, total, next } = self;
        Listing { items: items.into_iter().map(write).collect(), total, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(page: &Page) -> (Vec<&'static str>, i64, Option<String>) {
        let listing = page.of(vec!["b", "a", "c"], |id| id);
        (listing.items, listing.total, listing.next)
    }

    #[test]
    fn pages_by_offset_keep_the_order_and_know_the_total() {
        let page = |start, limit| Page::Offset { start, limit, totals: true };
        assert_eq!(ids(&page(0, 2)), (vec!["b", "a"], 3, None));
        assert_eq!(ids(&page(2, 2)), (vec!["c"], 3, None));
        assert_eq!(ids(&page(4, 2)), (vec![], 3, None));
    }

    #[test]
    fn pages_by_cursor_end_without_one() {
        let page =
            |after: &str, take| Page::Checkpoint { after: after.to_owned(), take, cursors: None };
        assert_eq!(ids(&page("", 2)), (vec!["a", "b"], 0, Some("b".to_owned())));
        assert_eq!(ids(&page("b", 2)), (vec!["c"], 0, None));
        assert_eq!(ids(&page("", 3)).2, None);
    }
}
