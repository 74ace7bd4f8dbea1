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
    store::{
        Error,
        families::{
            self,
            exchange::{self, Advance},
        },
    },
};

use crate::support::{TestApp, each_backend, fixtures::text, raw::Raw};

async fn begin_family(app: &TestApp) -> (FamilyId, Timestamp) {
    let world = app.world().await;
    let login = app.log_in(&world).await;
    let token = doorward::domain::secret::RefreshToken::new(text(&login, "refresh_token"));
    let family = app.inner.tokens.refresh_tokens.parse(&token).unwrap().family();
    (family, app.clock.now())
}

fn rotation(family: &FamilyId, now: Timestamp) -> Advance {
    Advance { family: family.clone(), read: 0, next: 1, now, caller: Caller::default() }
}

fn touch(family: &FamilyId, now: Timestamp) -> Advance {
    Advance { next: 0, ..rotation(family, now) }
}

#[tokio::test]
async fn of_two_rotations_one_wins_and_the_other_knows() {
    for (backend, app) in each_backend().await {
        let (family, now) = begin_family(&app).await;
        let mut first = app.inner.store.write().await.unwrap();
        assert!(exchange::advance(&mut first, &rotation(&family, now)).await.unwrap(), "{backend}");
        let (store, id) = (app.inner.store.clone(), family.clone());
        let second = tokio::spawn(async move {
            let mut tx = store.write().await?;
            let rotated = exchange::advance(&mut tx, &rotation(&id, now)).await?;
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
        for exchange in [rotation(&family, now), touch(&family, now)] {
            assert!(!exchange::advance(&mut tx, &exchange).await.unwrap(), "{backend}");
        }
        tx.commit().await.unwrap();
        for exchange in [rotation(&family, now), touch(&family, now)] {
            assert!(!app.inner.store.advance(exchange).await.unwrap(), "{backend}");
        }
        let mut tx = app.inner.store.write().await.unwrap();
        assert!(!families::revoke(&mut tx, &family, RevokedBy::Reuse, now).await.unwrap());
    }
}

#[tokio::test]
async fn a_transaction_that_is_dropped_never_happened() {
    for (backend, app) in each_backend().await {
        let (family, now) = begin_family(&app).await;
        let mut tx = app.inner.store.write().await.unwrap();
        exchange::advance(&mut tx, &rotation(&family, now)).await.unwrap();
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
        assert!(exchange::advance(&mut tx, &touch(&id, now)).await.unwrap());
        let family = families::find(tx.db(), &id).await.unwrap().unwrap();
        assert_eq!(family.idle_expires_at, None, "{backend}: the next exchange begins without");
        families::revoke(&mut tx, &id, RevokedBy::Action, now).await.unwrap();
        assert!(!families::shorten(&mut tx, &id, at(1), at(1)).await.unwrap(), "{backend}");
    }
}

/// Families of as many logins.
async fn begin_families(app: &TestApp, count: usize) -> Vec<FamilyId> {
    let world = app.world().await;
    let mut families = Vec::new();
    for _ in 0..count {
        let login = app.log_in(&world).await;
        let token = doorward::domain::secret::RefreshToken::new(text(&login, "refresh_token"));
        families.push(app.inner.tokens.refresh_tokens.parse(&token).unwrap().family());
    }
    families
}

#[tokio::test]
async fn exchanges_that_are_written_together_are_all_written_and_of_one_family_only_one_is() {
    for (backend, app) in each_backend().await {
        let families = begin_families(&app, 5).await;
        let now = app.clock.now().plus_seconds(5);
        // Every one four times, in an order that mixes them.
        let asked: Vec<_> = (0..20)
            .map(|n| {
                let (store, family) = (app.inner.store.clone(), families[n % 5].clone());
                let exchange = Advance { next: 1 + n as u32, ..rotation(&family, now) };
                tokio::spawn(async move { (family, 1 + n as u32, store.advance(exchange).await) })
            })
            .collect();
        let mut winners = std::collections::HashMap::new();
        for asked in asked {
            let (family, generation, written) = asked.await.unwrap();
            if written.unwrap() {
                let before = winners.insert(family, generation);
                assert!(before.is_none(), "{backend}: two were told that they had won");
            }
        }
        for family in &families {
            let facts = app.inner.store.exchange_facts(family).await.unwrap().unwrap();
            assert_eq!(Some(&facts.family.generation), winners.get(family), "{backend}");
            assert_eq!(facts.family.rotated_at, now, "{backend}");
            assert_eq!(facts.family.last_exchanged_at, now, "{backend}");
        }
        let touched = now.plus_seconds(5);
        let read = winners[&families[0]];
        let exchange = Advance { read, next: read, ..rotation(&families[0], touched) };
        assert!(app.inner.store.advance(exchange).await.unwrap(), "{backend}");
        let facts = app.inner.store.exchange_facts(&families[0]).await.unwrap().unwrap();
        let family = facts.family;
        assert_eq!((family.generation, family.rotated_at), (read, now), "{backend}");
        assert_eq!(family.last_exchanged_at, touched, "{backend}");
    }
}

#[tokio::test]
async fn a_family_that_is_locked_holds_up_no_other() {
    for (backend, app) in each_backend().await {
        // On SQLite a write transaction locks everything, and nobody has two at a time.
        if app.inner.store.is_embedded() {
            continue;
        }
        let families = begin_families(&app, 2).await;
        let now = app.clock.now();
        let mut tx = app.inner.store.write().await.unwrap();
        families::lock(&mut tx, &families[0]).await.unwrap();
        let (store, locked) = (app.inner.store.clone(), rotation(&families[0], now));
        let waiting = tokio::spawn(async move { store.advance(locked).await });
        // Begun after it, so that it is in the same statement or in the next.
        tokio::task::yield_now().await;
        assert!(app.inner.store.advance(rotation(&families[1], now)).await.unwrap(), "{backend}");
        assert!(!waiting.is_finished(), "{backend}: it waits for the lock");
        tx.commit().await.unwrap();
        assert!(waiting.await.unwrap().unwrap(), "{backend}: nothing was changed by the other");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_harms_nobody_else() {
    for (backend, app) in each_backend().await {
        let mut families = begin_families(&app, 4).await;
        families.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        let mut raw = Raw::connect(&app).await;
        raw.execute(
            "UPDATE refresh_token_family SET login_grant = 'rubbish'
             WHERE id = (SELECT MIN(id) FROM refresh_token_family)",
        )
        .await;
        let asked: Vec<_> = (0..16)
            .map(|n| {
                let (store, family) = (app.inner.store.clone(), families[n % 4].clone());
                tokio::spawn(async move { (n % 4, store.exchange_facts(&family).await) })
            })
            .collect();
        for asked in asked {
            let (family, read) = asked.await.unwrap();
            assert_eq!(read.is_err(), family == 0, "{backend}: {read:?}");
        }
    }
}

#[tokio::test]
async fn who_goes_away_leaves_the_others_their_answers() {
    for (backend, app) in each_backend().await {
        let families = begin_families(&app, 3).await;
        let store = &app.inner.store;
        let abandoned = store.exchange_facts(&families[0]);
        let polled = tokio::time::timeout(Duration::ZERO, abandoned).await;
        drop(polled);
        let (one, other) =
            tokio::join!(store.exchange_facts(&families[1]), store.exchange_facts(&families[2]));
        assert_eq!(one.unwrap().unwrap().family.id, families[1], "{backend}");
        assert_eq!(other.unwrap().unwrap().family.id, families[2], "{backend}");
    }
}

#[tokio::test]
async fn of_two_logins_beyond_the_limit_neither_waits_for_what_the_other_revokes() {
    for (backend, app) in each_backend().await {
        let families = begin_families(&app, 4).await;
        let now = app.clock.now();
        let mut tx = app.inner.store.write().await.unwrap();
        let family = families::find(tx.db(), &families[0]).await.unwrap().unwrap();
        let (user, client) = (&family.user_id, &family.client_id);
        let revoked = families::revoke_beyond(&mut tx, user, client, 3, now).await.unwrap();
        assert_eq!(revoked, 1, "{backend}");
        if app.inner.store.is_embedded() {
            // The second write waits for the first anyhow.
            tx.commit().await.unwrap();
            continue;
        }
        let mut other = app.inner.store.write().await.unwrap();
        let second = families::revoke_beyond(&mut other, user, client, 2, now);
        let second = tokio::time::timeout(Duration::from_secs(20), second).await;
        let revoked = second.expect("it waits for the first").unwrap();
        assert_eq!(revoked, 1, "{backend}: the one that the first has not locked");
        other.commit().await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = app.inner.store.write().await.unwrap();
        let left = families::revoke_beyond(&mut tx, user, client, 0, now).await.unwrap();
        assert_eq!(left, 2, "{backend}");
    }
}
