//! The connections that an installation begins with, and which clients they are enabled for.

use doorward::domain::{
    ClientId, ConnectionId,
    connection::Strategy,
    time::Timestamp,
    user::{DATABASE_CONNECTION, EMAIL_CONNECTION},
};
use doorward::store::connections::{self, Filter};
use serde_json::{Map, Value, json};

use crate::support::each_backend;

fn document(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn an_installation_begins_with_a_database_and_codes_by_mail() {
    for (backend, app) in each_backend().await {
        let mut conn = app.inner.store.read().await.unwrap();
        let found = connections::list(conn.db(), Filter::default(), 0, 50).await.unwrap();
        let found: Vec<_> = found.iter().map(|r| &r.connection).collect();
        assert_eq!(found.len(), 2, "{backend}");
        assert_eq!(found[0].name, DATABASE_CONNECTION, "{backend}");
        assert_eq!(found[0].strategy, Strategy::Database, "{backend}");
        assert_eq!(found[1].name, EMAIL_CONNECTION, "{backend}");
        assert_eq!(found[1].strategy, Strategy::Email, "{backend}");
        for connection in found {
            let local = connection.id.as_str().strip_prefix("con_").unwrap();
            assert_eq!(local.len(), 16, "{backend}");
            assert!(local.bytes().all(|b| b.is_ascii_alphanumeric()), "{backend}: {local}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_enabled_for_the_clients_that_exist_and_only_once() {
    for (backend, app) in each_backend().await {
        let store = &app.inner.store;
        let id = ConnectionId::new("con_0000000000000001");
        let (stranger, known) = (ClientId::new("nobody"), ClientId::new("spa"));
        let mut tx = store.write().await.unwrap();
        let now = Timestamp::from_millis(5);
        doorward::store::clients::insert(&mut tx, &known, &Map::new(), None, now).await.unwrap();
        let options = document(&json!({ "options": { "passwordPolicy": "fair" } }));
        connections::insert(&mut tx, &id, "staff", Strategy::Database, &options, now)
            .await
            .unwrap();
        assert!(!connections::enable(&mut tx, &id, &stranger).await.unwrap(), "{backend}");
        assert!(connections::enable(&mut tx, &id, &known).await.unwrap(), "{backend}");
        assert!(connections::enable(&mut tx, &id, &known).await.unwrap(), "{backend}");
        let clients = connections::clients_after(tx.db(), &id, "", 10).await.unwrap();
        assert_eq!(clients, std::slice::from_ref(&known), "{backend}");
        let enabled = connections::enabled_for(tx.db(), &known).await.unwrap();
        assert_eq!(enabled.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["staff"]);
        connections::enable_all_for(&mut tx, &known).await.unwrap();
        assert_eq!(connections::enabled_for(tx.db(), &known).await.unwrap().len(), 3, "{backend}");
        connections::disable(&mut tx, &id, &known).await.unwrap();
        assert_eq!(connections::enabled_for(tx.db(), &known).await.unwrap().len(), 2, "{backend}");
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_connection_keeps_its_name_until_its_users_are_gone() {
    for (backend, app) in each_backend().await {
        let store = &app.inner.store;
        let mut tx = store.write().await.unwrap();
        let found = connections::find_by_name(tx.db(), DATABASE_CONNECTION).await.unwrap().unwrap();
        let id = found.connection.id;
        let now = Timestamp::from_millis(5);
        let user = doorward::domain::user::User::new("1", now);
        doorward::store::users::insert(&mut tx, &user, None).await.unwrap();
        assert!(connections::delete(&mut tx, &id, now).await.unwrap(), "{backend}");
        assert!(!connections::delete(&mut tx, &id, now).await.unwrap(), "{backend}");
        assert!(connections::find(tx.db(), &id).await.unwrap().is_none(), "{backend}");
        assert!(!connections::forget(&mut tx, DATABASE_CONNECTION).await.unwrap(), "{backend}");
        assert_eq!(connections::deleted(tx.db()).await.unwrap(), [DATABASE_CONNECTION]);
        doorward::store::users::delete(&mut tx, &user.user_id).await.unwrap();
        assert!(connections::forget(&mut tx, DATABASE_CONNECTION).await.unwrap(), "{backend}");
        assert_eq!(connections::deleted(tx.db()).await.unwrap(), [""; 0], "{backend}");
        tx.commit().await.unwrap();
    }
}
