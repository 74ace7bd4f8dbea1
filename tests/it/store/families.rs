//! The guarded updates, with two transactions held at a chosen point: a race that depends on luck
//! would pass without the guard.

use std::time::Duration;

use doorward::{
    domain::{
        FamilyId,
        audit::Caller,
        family::RevokedBy,
        time::{Clock, Timestamp},
    },
    store::{Error, families},
};

use crate::support::{TestApp, each_backend, fixtures::text};

async fn begin_family(app: &TestApp) -> (FamilyId, Timestamp) {
    let world = app.world().await;
    let login = app.log_in(&world).await;
    let token = doorward::domain::secret::RefreshToken::new(text(&login, "refresh_token"));
    let family = app.inner.tokens.refresh_tokens.parse(&token).unwrap().family();
    (family, app.clock.now())
}

#[tokio::test]
async fn of_two_rotations_one_wins_and_the_other_knows() {
    for (backend, app) in each_backend().await {
        let (family, now) = begin_family(&app).await;
        let mut first = app.inner.store.write().await.unwrap();
        assert!(
            families::rotate(&mut first, &family, 0, 1, now, &Caller::default()).await.unwrap(),
            "{backend}"
        );
        let (store, id) = (app.inner.store.clone(), family.clone());
        let second = tokio::spawn(async move {
            let mut tx = store.write().await?;
            let rotated = families::rotate(&mut tx, &id, 0, 1, now, &Caller::default()).await?;
            tx.commit().await?;
            Ok::<_, Error>(rotated)
        });
        // Long enough for the second to reach the lock.
        tokio::time::sleep(Duration::from_millis(50)).await;
        first.commit().await.unwrap();
        assert!(!second.await.unwrap().unwrap(), "{backend}: the loser must know");
    }
}

#[tokio::test]
async fn a_revocation_wins_over_a_rotation_that_read_before_it() {
    for (backend, app) in each_backend().await {
        let (family, now) = begin_family(&app).await;
        let mut tx = app.inner.store.write().await.unwrap();
        assert!(families::revoke(&mut tx, &family, RevokedBy::Client, now).await.unwrap());
        tx.commit().await.unwrap();
        let mut tx = app.inner.store.write().await.unwrap();
        assert!(
            !families::rotate(&mut tx, &family, 0, 1, now, &Caller::default()).await.unwrap(),
            "{backend}"
        );
        assert!(
            !families::touch(&mut tx, &family, 0, now, &Caller::default()).await.unwrap(),
            "{backend}"
        );
        assert!(!families::revoke(&mut tx, &family, RevokedBy::Reuse, now).await.unwrap());
    }
}

#[tokio::test]
async fn a_transaction_that_is_dropped_never_happened() {
    for (backend, app) in each_backend().await {
        let (family, now) = begin_family(&app).await;
        let mut tx = app.inner.store.write().await.unwrap();
        families::rotate(&mut tx, &family, 0, 9, now, &Caller::default()).await.unwrap();
        drop(tx);
        let mut conn = app.inner.store.read().await.unwrap();
        let row = families::find(conn.db(), &family).await.unwrap().unwrap();
        assert_eq!(row.generation, 0, "{backend}");
    }
}

#[tokio::test]
async fn the_ends_of_a_family_come_forward_and_are_never_put_off() {
    for (backend, app) in each_backend().await {
        let (id, now) = begin_family(&app).await;
        let at = |seconds| Some(now.plus_seconds(seconds));
        // What is set, and the ends afterwards; the family began with an end after 1000 seconds.
        for (set, ends) in [
            ((at(2000), None), (1000, None)),
            ((at(900), None), (900, None)),
            ((None, at(90)), (900, Some(90))),
            ((at(950), at(95)), (900, Some(90))),
            ((at(800), at(80)), (800, Some(80))),
            ((None, None), (800, Some(80))),
        ] {
            let mut tx = app.inner.store.write().await.unwrap();
            assert!(families::shorten(&mut tx, &id, set.0, set.1).await.unwrap(), "{backend}");
            let family = families::find(tx.db(), &id).await.unwrap().unwrap();
            tx.commit().await.unwrap();
            let expires_at = family.expires_at.unwrap();
            let late = now.plus_seconds(ends.0).millis() - expires_at.millis();
            assert!((0..2000).contains(&late), "{backend}: {set:?}: {late}");
            assert_eq!(family.idle_expires_at, ends.1.map(|s| now.plus_seconds(s)), "{backend}");
        }
        let mut tx = app.inner.store.write().await.unwrap();
        assert!(families::touch(&mut tx, &id, 0, now, &Caller::default()).await.unwrap());
        let family = families::find(tx.db(), &id).await.unwrap().unwrap();
        assert_eq!(family.idle_expires_at, None, "{backend}: the next exchange begins without");
        families::revoke(&mut tx, &id, RevokedBy::Action, now).await.unwrap();
        assert!(!families::shorten(&mut tx, &id, at(1), at(1)).await.unwrap(), "{backend}");
    }
}
