//! The two schemas stay twins, and migrating is harmless to repeat.

use crate::support::{each_backend, postgres, raw::Raw};

#[tokio::test]
async fn both_databases_have_the_same_columns() {
    let mut columns = Vec::new();
    for (backend, app) in each_backend().await {
        let found = Raw::connect(&app).await.columns().await;
        assert!(found.len() > 80, "{backend}: {} columns", found.len());
        columns.push(found);
    }
    if let [sqlite, postgres] = columns.as_slice() {
        assert_eq!(sqlite, postgres);
    } else {
        assert!(postgres::fresh_schema().await.is_none(), "Postgres was there and not compared");
    }
}

#[tokio::test]
async fn migrating_twice_and_from_two_nodes_is_harmless() {
    for (backend, app) in each_backend().await {
        let store = &app.inner.store;
        let (one, two) = tokio::join!(store.migrate(), store.migrate());
        assert!(one.is_ok() && two.is_ok(), "{backend}: {one:?} {two:?}");
        assert!(store.check_schema().await.is_ok(), "{backend}");
    }
}
