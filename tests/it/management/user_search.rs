//! `q`, `sort` and `connection` of `GET /users`.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{delete, get, patch, post, refused, segment};
use crate::support::{
    TestApp, each_backend, each_backend_with,
    fixtures::{PASSWORD, text},
    raw::Raw,
};

const CONNECTION: &str = "Username-Password-Authentication";

/// Users `a`, `b` and `c`, a minute apart from each other.
async fn add_three(app: &TestApp) {
    for more in [
        json!({
            "user_id": "a", "email": "jane@x.example", "username": "jane", "name": "Jane Smith",
            "given_name": "Jane", "family_name": "Smith", "nickname": "JJ", "email_verified": true,
            "phone_number": "+441", "blocked": true,
            "app_metadata": { "plan": "Gold", "seats": 5, "tags": ["x", "y"], "on": true },
            "user_metadata": { "addresses": [{ "city": "Paris" }, { "city": "Rom" }] },
        }),
        json!({
            "user_id": "b", "email": "john@y.example", "name": "John (Doe)", "nickname": "50%_!",
            "family_name": "Ünal", "blocked": false, "app_metadata": { "plan": "gold", "a b": "c:d" },
        }),
        json!({ "user_id": "c", "email": "josé@x.example", "username": "joe", "name": "Zoë" }),
    ] {
        let mut body = json!({ "connection": CONNECTION, "password": "correct horse battery" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        TestApp::created(&post(app, "/users", body).await);
        app.clock.advance_seconds(60);
    }
}

/// The last letters of the ids that a query finds, in its order.
async fn found(app: &TestApp, query: &str) -> String {
    let users = get(app, &format!("/users?{query}")).await.ok();
    let mut ids = String::new();
    for user in users.as_array().unwrap() {
        let id = user["user_id"].as_str().unwrap();
        write!(ids, "{}", id.rsplit('|').next().unwrap()).unwrap();
    }
    ids
}

async fn search(app: &TestApp, q: &str) -> String {
    found(app, &format!("search_engine=v3&q={}", segment(q))).await
}

#[tokio::test]
async fn users_are_found_by_every_field() {
    for (backend, app) in each_backend().await {
        add_three(&app).await;
        let jane = get(&app, "/users/auth0%7Ca").await.ok();
        let created = jane["created_at"].as_str().unwrap();
        let is_created = format!("created_at:\"{created}\"");
        let after = format!("created_at:>{created}");
        let until = format!("created_at:[* TO {created}]");
        for (q, expected) in [
            ("email:\"JANE@x.example\"", "a"),
            ("email:j*", "abc"),
            ("email:jo*", "bc"),
            ("email:*.example", "abc"),
            ("email:*X.EXAMPLE", "ac"),
            ("email:j*y.example", "b"),
            ("email:JOSÉ*", "c"),
            ("email.domain:x.example", "ac"),
            ("user_id:\"auth0|b\"", "b"),
            ("user_id:auth0|*", "abc"),
            ("user_id:AUTH0|*", ""),
            ("user_id:(\"auth0|a\" OR \"auth0|c\")", "ac"),
            ("username:JANE", "a"),
            ("username:*", "ac"),
            ("NOT _exists_:username", "b"),
            ("name:\"jane smith\"", "a"),
            ("name:jane", ""),
            ("name:JANE*", "a"),
            ("name:*smi*", "a"),
            ("name:\"John (Doe)\"", "b"),
            (r"name:john\ \(doe\)", "b"),
            ("name:zoë", "c"),
            ("name:ZOË", "c"),
            ("name:[k TO zz]", "c"),
            ("name:[jane TO john}", "a"),
            ("given_name:jane", "a"),
            ("family_name:ünal", "b"),
            ("family_name:Ü*", "b"),
            ("nickname:jj", "a"),
            ("nickname:50%_!", "b"),
            ("nickname:*0%_*", "b"),
            ("nickname:*___*", ""),
            ("phone_number:\"+441\"", "a"),
            ("phone_number:\\+44*", "a"),
            ("email_verified:true", "a"),
            ("email_verified:false", "bc"),
            ("blocked:true", "a"),
            ("blocked:false", "b"),
            ("NOT blocked:true", "bc"),
            ("_exists_:blocked", "ab"),
            ("phone_verified:true", ""),
            ("logins_count:0", "abc"),
            ("logins_count:[1 TO *]", ""),
            ("NOT _exists_:logins_count OR logins_count:0", "abc"),
            ("_exists_:last_login", ""),
            ("last_login:>2020", ""),
            ("_exists_:last_ip", ""),
            (is_created.as_str(), "a"),
            (after.as_str(), "bc"),
            (until.as_str(), "a"),
            ("updated_at:>2020-01", "abc"),
            ("created_at:[2020 TO 2021-06-30]", ""),
            ("identities.connection:\"Username-Password-Authentication\"", "abc"),
            ("identities.connection:email", ""),
            ("identities.provider:auth0", "abc"),
            ("identities.provider:email", ""),
            ("identities.user_id:b", "b"),
            ("app_metadata.plan:Gold", "a"),
            ("app_metadata.plan:gold", "b"),
            ("app_metadata.plan:*", "ab"),
            ("app_metadata.seats:5", "a"),
            ("app_metadata.on:true", "a"),
            ("app_metadata.tags:y", "a"),
            ("app_metadata.a\\ b:\"c:d\"", "b"),
            ("user_metadata.addresses.city:Rom", "a"),
            ("_exists_:app_metadata", "ab"),
            ("_exists_:user_metadata.addresses", "a"),
            ("_exists_:user_metadata.addr", ""),
            ("jane", "a"),
            ("Jane*", "a"),
            ("\"jane smith\"", "a"),
            ("Gold", ""),
            ("*", "abc"),
            ("jane joe", "ac"),
            ("email:jo* -username:joe", "b"),
            ("+email:j* +email_verified:false -name:zoë", "b"),
            ("email:j* AND (blocked:true OR name:zo*)", "ac"),
            ("app_metadata.plan:(Gold OR gold) AND NOT nickname:jj", "b"),
        ] {
            assert_eq!(search(&app, q).await, expected, "{backend} {q}");
        }
        // Attempts to be more than a value find nobody, and harm nobody.
        for q in ["name:\"' OR 1=1 --\"", "name:\"$1\"", r#"app_metadata.x'\):"a""#, "email:\"%\""]
        {
            assert_eq!(search(&app, q).await, "", "{backend} {q}");
        }
        assert_eq!(search(&app, "*").await, "abc");
    }
}

#[tokio::test]
async fn a_search_sees_what_was_changed() {
    for (_, app) in each_backend().await {
        add_three(&app).await;
        let change = json!({
            "name": "Mary", "app_metadata": { "plan": null, "tags": ["z"] }, "phone_number": "+442",
        });
        patch(&app, "/users/auth0%7Ca", change).await.ok();
        assert_eq!(search(&app, "name:mary").await, "a");
        assert_eq!(search(&app, "name:jane*").await, "");
        assert_eq!(search(&app, "app_metadata.tags:z").await, "a");
        for gone in ["app_metadata.tags:x", "app_metadata.plan:Gold", "phone_number:\"+441\""] {
            assert_eq!(search(&app, gone).await, "", "{gone}");
        }
        assert_eq!(search(&app, "app_metadata.seats:5").await, "a");
        let organization = post(&app, "/organizations", json!({ "name": "acme" })).await;
        let organization = TestApp::created(&organization)["id"].as_str().unwrap().to_owned();
        let members = json!({ "members": ["auth0|b"] });
        post(&app, &format!("/organizations/{organization}/members"), members).await;
        assert_eq!(search(&app, &format!("organization_id:{organization}")).await, "b");
        assert_eq!(delete(&app, "/users/auth0%7Ca").await.status, 204);
        assert_eq!(search(&app, "app_metadata.tags:z OR name:mary").await, "");
        let mut raw = Raw::connect(&app).await;
        let left = "SELECT COUNT(*) FROM user_search_value WHERE user_id = 'auth0|a'";
        assert_eq!(raw.number(left).await, 0);
    }
}

#[tokio::test]
async fn users_are_sorted_by_their_fields_and_filtered_by_their_connection() {
    for (backend, app) in each_backend().await {
        add_three(&app).await;
        for (query, expected) in [
            ("sort=email:1", "abc"),
            ("sort=email:-1", "cba"),
            ("sort=name:-1", "cba"),
            // Who has none comes first.
            ("sort=username:1", "bac"),
            ("sort=username:-1", "cab"),
            ("sort=user_id:-1", "cba"),
            ("sort=created_at:-1", "cba"),
            ("sort=updated_at:1", "abc"),
            ("sort=last_login:-1", "cba"),
            ("sort=logins_count:1", "abc"),
            ("sort=nickname:-1&q=blocked:*", "ab"),
            ("sort=name:1&page=1&per_page=2", "c"),
            ("connection=Username-Password-Authentication", "abc"),
            ("connection=email", ""),
            ("connection=email&q=name:*", ""),
            ("primary_order=false", "abc"),
        ] {
            assert_eq!(found(&app, query).await, expected, "{backend} {query}");
        }
        let page = get(&app, "/users?q=email:j*&per_page=1&include_totals=true&fields=email").await;
        let expected = json!({
            "start": 0, "limit": 1, "length": 1, "total": 3, "users": [{ "email": "jane@x.example" }],
        });
        assert_eq!(page.ok(), expected);
    }
}

#[tokio::test]
async fn users_of_the_email_connection_are_found() {
    for (_, app) in each_backend().await {
        add_three(&app).await;
        let mut raw = Raw::connect(&app).await;
        // As a login by code adds them.
        raw.execute(
            "INSERT INTO user_account (user_id, connection, email, email_verified, profile,
             user_metadata, app_metadata, logins_count, version, created_at, updated_at)
             VALUES ('email|e', 'email', 'eve@x.example', TRUE, '{}', '{}', '{}', 0, 1, 1, 1)",
        )
        .await;
        assert_eq!(found(&app, "connection=email").await, "e");
        assert_eq!(search(&app, "identities.connection:email").await, "e");
        assert_eq!(search(&app, "identities.provider:email").await, "e");
        assert_eq!(search(&app, "identities.user_id:e").await, "e");
        assert_eq!(search(&app, "NOT identities.provider:auth0").await, "e");
    }
}

#[tokio::test]
async fn users_written_by_an_older_release_become_searchable() {
    for (_, app) in each_backend().await {
        let mut raw = Raw::connect(&app).await;
        raw.execute(
            "INSERT INTO user_account (user_id, connection, email, email_verified, profile,
             user_metadata, app_metadata, logins_count, version, created_at, updated_at)
             VALUES ('auth0|o', 'c', 'old@x.example', TRUE, '{\"name\":\"ÄLTER\"}', '{}',
             '{\"a\":[{\"b\":1}]}', 0, 1, 1, 1)",
        )
        .await;
        assert_eq!(search(&app, "name:älter").await, "");
        app.inner.store.index_users().await.unwrap();
        for q in ["name:älter", "app_metadata.a.b:1", "email.domain:x.example"] {
            assert_eq!(search(&app, q).await, "o", "{q}");
        }
    }
}

#[tokio::test]
async fn searches_that_cannot_be_are_refused() {
    let (long, many) = ("x".repeat(8193), "a ".repeat(201));
    let nested = format!("{}a{}", "(".repeat(11), ")".repeat(11));
    for (_, app) in each_backend().await {
        for (q, about) in [
            ("nmae:jane", "nmae cannot be searched"),
            ("password_hash:a*", "password_hash cannot be searched"),
            ("email:(a OR", "a term is missing at character 12"),
            ("name:\"a", "\" is missing at character 8"),
            ("name:*sa", "needs 3 other characters"),
            ("user_id:*x12", "at the end only"),
            ("app_metadata.plan:g*", "neither wildcards nor ranges"),
            ("name:jo?n", "? at character 8 cannot be used"),
            ("name:john~", "~ at character 10 cannot be used"),
            ("blocked:maybe", "blocked must be true or false"),
            ("last_login:[a TO b]", "last_login must be a time"),
            (many.as_str(), "more than 200 terms"),
            (nested.as_str(), "more than 10 levels deep"),
            (long.as_str(), "longer than 8192"),
        ] {
            let answer = get(&app, &format!("/users?q={}", segment(q))).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{q}");
            assert!(answer.text_of("message").contains(about), "{}", answer.text);
        }
        for (query, about) in [
            ("sort=app_metadata.plan:1", "'sort' must be FIELD:1 or FIELD:-1"),
            ("sort=name", "'sort' must be FIELD:1 or FIELD:-1"),
            ("search_engine=v1&q=a", "You are not allowed to use search_engine=v1."),
            ("search_engine=v2&q=a", "Use search_engine=v3 instead."),
            ("search_engine=v4", "No enum match for: v4"),
            ("q=a&q=b", "'Expected type string but found type array' on property q."),
            ("page=10&per_page=100&q=a", "first 1000 records"),
        ] {
            let answer = get(&app, &format!("/users?{query}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{query}");
            assert!(answer.text_of("message").contains(about), "{}", answer.text);
        }
    }
}

/// So many users that reading each takes far more than a millisecond.
async fn add_many(app: &TestApp) {
    let sql = if app.database_url.starts_with("sqlite:") {
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
         INSERT INTO user_account (user_id, connection, email, email_verified, profile,
            user_metadata, app_metadata, logins_count, version, created_at, updated_at,
            name_folded, search_version)
         SELECT 'auth0|' || i, 'c', i || '@x.example', TRUE, '{}', '{}', '{}', 0, 1, i, i,
            'name ' || i, 1 FROM n"
    } else {
        "INSERT INTO user_account (user_id, connection, email, email_verified, profile,
            user_metadata, app_metadata, logins_count, version, created_at, updated_at,
            name_folded, search_version)
         SELECT 'auth0|' || i, 'c', i || '@x.example', TRUE, '{}', '{}', '{}', 0, 1, i, i,
            'name ' || i, 1 FROM generate_series(1, 30000) i"
    };
    Raw::connect(app).await.execute(sql).await;
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_stopped_and_harms_no_other() {
    let file = "[database]\nsearch_timeout_ms = 1";
    // Seconds of work, so that the millisecond passes even where nothing gets its turn in time.
    let terms: Vec<_> = (0..150).map(|n| format!("name:*none{n}*")).collect();
    let path = format!("/users?q={}", segment(&terms.join(" OR ")));
    for (backend, app) in each_backend_with(file).await {
        add_many(&app).await;
        for _ in 0..6 {
            let answer = get(&app, &path).await;
            assert_eq!(answer.status, 503, "{backend} {}", answer.text);
            let expected = json!({
                "statusCode": 503, "error": "Service Unavailable",
                "message": "The query exceeded the timeout. Please try refining your search \
                            criteria. See https://auth0.com/docs/best-practices/search-best-practices.",
            });
            assert_eq!(answer.json(), expected, "{backend}");
        }
        // Every connection is as it was: none of these is a search.
        for _ in 0..6 {
            get(&app, "/users/auth0%7C7").await.ok();
            get(&app, "/organizations").await.ok();
        }
    }
}

#[tokio::test]
async fn totals_are_exact_where_somebody_can_page() {
    for (backend, app) in each_backend().await {
        add_many(&app).await;
        let total = async |query: &str| -> Value {
            let path = format!("/users?include_totals=true&per_page=1&{query}");
            get(&app, &path).await.ok()["total"].clone()
        };
        assert_eq!(total("").await, 30_000, "{backend}");
        assert_eq!(total("q=name:name*").await, 10_000, "{backend}");
        assert_eq!(total("q=name:name*%20AND%20created_at:*").await, 10_000, "{backend}");
        assert_eq!(total("q=logins_count:%5B1%20TO%20*%5D").await, 0, "{backend}");
        // Everybody is counted once a minute when there are many.
        Raw::connect(&app).await.execute("DELETE FROM user_account WHERE created_at = 5").await;
        assert_eq!(total("").await, 30_000, "{backend}");
        app.clock.advance_seconds(61);
        assert_eq!(total("").await, 29_999, "{backend}");
        // And at every request when there are few.
        Raw::connect(&app).await.execute("DELETE FROM user_account WHERE created_at > 9000").await;
        assert_eq!(total("").await, 8_999, "{backend}");
    }
}

#[tokio::test]
async fn a_search_box_finds_beginnings_the_likeliest_first_and_nobody_twice() {
    for (backend, app) in each_backend().await {
        let mut ids = std::collections::BTreeMap::new();
        for (email, name, given, family) in [
            ("smithers@x.example", "Waylon Smithers", "Waylon", "Smithers"),
            ("a@x.example", "Smith Ada", "Ada", "Smith"),
            ("b@x.example", "Bob Smith", "Bob", "Smith"),
            ("c_smith@x.example", "Carol %", "Carol", "Other"),
        ] {
            let body = json!({
                "connection": CONNECTION, "email": email, "password": PASSWORD, "name": name,
                "given_name": given, "family_name": family,
            });
            let user = TestApp::created(&post(&app, "/users", body).await);
            ids.insert(email, text(&user, "user_id").to_owned());
        }
        let find = async |query: &str| {
            let page = get(&app, &format!("/users?{query}&include_totals=true")).await.ok();
            let users = page["users"].as_array().unwrap().iter();
            let emails: Vec<_> = users.map(|user| text(user, "email").to_owned()).collect();
            (emails, page["total"].as_u64().unwrap())
        };
        let (w, a, b) = ("smithers@x.example", "a@x.example", "b@x.example");
        for (typed, expected) in [
            ("smith", vec![w, a, b]),
            ("SMITH", vec![w, a, b]),
            ("smith+ada", vec![a]),
            ("bob+smith", vec![b]),
            ("smithers%40", vec![w]),
            ("%25", vec![]),
            ("mith", vec![]),
            ("carol+%25", vec!["c_smith@x.example"]),
            (segment(&ids[a]).as_str(), vec![a]),
            (ids[b].split_once('|').unwrap().1, vec![b]),
        ] {
            let found = find(&format!("search={typed}")).await;
            assert_eq!(
                (found.0, found.1),
                (expected.iter().map(|e| (*e).to_owned()).collect(), expected.len() as u64),
                "{backend} {typed}"
            );
        }
        let mut paged = Vec::new();
        for page in 0..4 {
            paged.extend(find(&format!("search=smith&per_page=1&page={page}")).await.0);
        }
        assert_eq!(paged, [w, a, b], "{backend}");
        assert_eq!(find("search=smith&connection=email").await.0.len(), 0, "{backend}");
        assert_eq!(find(&format!("search=smith&connection={CONNECTION}")).await.1, 3, "{backend}");
        assert!(find("search=+").await.1 >= 4, "{backend}: nothing was typed");
        for bad in [
            "search=a&q=email:a".to_owned(),
            "search=a&sort=email:1".to_owned(),
            "search=a&search=b".to_owned(),
            "search=a&page=100".to_owned(),
            format!("search={}", "a".repeat(257)),
        ] {
            let answer = get(&app, &format!("/users?{bad}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".into()), "{backend} {bad}");
        }
    }
}
