"""auth0-python 6: applications, APIs, and who may use what."""

from datetime import datetime, timedelta, timezone

from auth0_management import SDK, Case, dump, every, fresh
from cast import key_pair


class Applications(Case):
    """Clients, their credentials, APIs and client grants"""

    def test_a_small_client_and_its_secret(self):
        made = self.client()
        got = SDK.clients.get(made.client_id)
        self.assertEqual((got.name, got.client_secret), (made.name, made.client_secret))
        rotated = SDK.clients.rotate_secret(made.client_id)
        self.assertNotEqual(rotated.client_secret, made.client_secret)
        changed = SDK.clients.update(made.client_id, name='Another', client_metadata={'team': 'x'})
        self.assertEqual((changed.name, changed.client_metadata), ('Another', {'team': 'x'}))
        # None is not left out: it takes a member away.
        emptied = SDK.clients.update(made.client_id, client_metadata={'team': None})
        self.assertFalse(emptied.client_metadata)
        few = SDK.clients.get(made.client_id, fields='client_id,name', include_fields=True)
        self.assertEqual((few.name, few.client_secret), ('Another', None))
        SDK.clients.delete(made.client_id)
        SDK.clients.delete(made.client_id)
        self.refused(404, 'inexistent_client', SDK.clients.get, made.client_id)

    def test_a_client_with_everything(self):
        api = self.api(['read:x', 'write:x'], allow_offline_access=True)
        members = {
            'description': 'All of it', 'logo_uri': 'https://a.example/logo.png',
            'callbacks': ['https://a.example/callback', 'http://localhost:3000/'],
            'allowed_origins': ['https://a.example'], 'web_origins': ['https://a.example'],
            'allowed_logout_urls': ['https://a.example/bye'], 'app_type': 'regular_web',
            'grant_types': ['authorization_code', 'refresh_token', 'implicit', 'client_credentials', 'password'],
            'token_endpoint_auth_method': 'client_secret_basic', 'is_first_party': True, 'oidc_conformant': True,
            'jwt_configuration': {'alg': 'RS256', 'lifetime_in_seconds': 600, 'secret_encoded': False},
            'client_metadata': {'colour': 'blue', 'number': '1'},
            'initiate_login_uri': 'https://a.example/login', 'organization_usage': 'allow',
            'organization_require_behavior': 'no_prompt', 'require_pushed_authorization_requests': False,
            'oidc_logout': {
                'backchannel_logout_urls': ['https://a.example/out'],
                'backchannel_logout_initiators': {
                    'mode': 'custom', 'selected_initiators': ['rp-logout', 'idp-logout']}},
            'refresh_token': {
                'rotation_type': 'rotating', 'expiration_type': 'expiring', 'leeway': 10, 'token_lifetime': 86400,
                'idle_token_lifetime': 3600, 'infinite_token_lifetime': False, 'infinite_idle_token_lifetime': False,
                'policies': [{'audience': api.identifier, 'scope': ['read:x', 'write:x']}]},
        }
        made = self.client(**members)
        got = dump(SDK.clients.get(made.client_id))
        for name, value in members.items():
            self.assertEqual(got[name], value, name)
        policies = [{'audience': api.identifier, 'scope': ['read:x']}]
        changed = SDK.clients.update(made.client_id, refresh_token={**members['refresh_token'], 'policies': policies})
        self.assertEqual(dump(changed.refresh_token)['policies'], policies)
        again = SDK.clients.update(made.client_id, **{name: got[name] for name in members})
        self.assertEqual(dump(again)['refresh_token'], got['refresh_token'])

    def test_every_page_of_clients_and_of_those_of_a_connection(self):
        made = {self.client(app_type='native', description='one of many').client_id for _ in range(51)}
        connection = self.made(SDK.connections, name=fresh('many'), strategy='auth0')
        everybody = [client.client_id for client in every(SDK.clients.list(per_page=20, include_totals=True))]
        self.assertLessEqual(made, set(everybody))
        self.assertEqual(len(everybody), len(set(everybody)))
        natives = every(SDK.clients.list(app_type='native', per_page=50, fields='client_id', include_fields=True))
        self.assertLessEqual(made, {client.client_id for client in natives})
        self.assertEqual(every(SDK.clients.list(app_type='express_configuration')), [])

        def enabled():
            return {client.client_id for client in every(SDK.connections.clients.get(connection.id, take=50))}
        self.assertEqual(enabled(), set())
        one, *others = made
        for several in [[one], others]:
            SDK.connections.clients.update(connection.id, request=[{'client_id': c, 'status': True} for c in several])
            self.assertEqual(enabled(), {one} if several == [one] else made)
        SDK.connections.clients.update(connection.id, request=[{'client_id': one, 'status': False}])
        self.assertEqual(enabled(), set(others))
        more = self.made(SDK.connections, name=fresh('more'), strategy='auth0', enabled_clients=[others[0]])
        # There are connections that every application has.
        usual = {c.id for c in every(SDK.clients.connections.get(one))}
        found = every(SDK.clients.connections.get(others[0], take=1))
        self.assertEqual({c.id for c in found}, {connection.id, more.id, *usual})
        self.assertFalse({connection.id, more.id} & usual)

    def test_keys_of_a_client(self):
        client = self.client(app_type='regular_web').client_id
        keys = SDK.clients.credentials
        self.assertEqual(keys.list(client), [])
        expires = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=9)
        small = keys.create(client, credential_type='public_key', pem=key_pair()[1])
        large = keys.create(client, credential_type='public_key', name='key', alg='RS384', pem=key_pair()[1],
                            expires_at=expires)
        self.assertEqual((large.name, large.alg, large.expires_at), ('key', 'RS384', expires))
        self.assertEqual({key.id for key in keys.list(client)}, {small.id, large.id})
        later = keys.update(client, large.id, expires_at=expires + timedelta(days=1)).expires_at
        self.assertEqual(keys.get(client, large.id).expires_at, later)
        keys.delete(client, large.id)
        self.refused(404, 'inexistent_credential', keys.get, client, large.id)

    def test_apis(self):
        made = self.api()
        self.assertEqual(dump(SDK.resource_servers.get(made.id)), dump(SDK.resource_servers.get(made.identifier)))
        self.refused(409, None, SDK.resource_servers.create, identifier=made.identifier)
        members = {
            'name': 'Orders', 'signing_alg': 'PS256', 'allow_offline_access': True, 'token_lifetime': 7200,
            'token_dialect': 'access_token_authz', 'enforce_policies': True,
            'skip_consent_for_verifiable_first_party_clients': True,
            'scopes': [{'value': 'read:x', 'description': 'Read'}, {'value': 'write:x', 'description': 'Write'}],
            'subject_type_authorization': {
                'user': {'policy': 'require_client_grant'}, 'client': {'policy': 'deny_all'}},
        }
        full = self.made(SDK.resource_servers, identifier=f'urn:{fresh("full")}', **members)
        got = dump(SDK.resource_servers.get(full.id))
        for name, value in members.items():
            self.assertEqual(got[name], value, name)
        changed = SDK.resource_servers.update(full.identifier, token_lifetime=60, scopes=[{'value': 'read:x'}])
        self.assertEqual((changed.token_lifetime, [s.value for s in changed.scopes]), (60, ['read:x']))
        secret = self.api(signing_alg='HS256')
        self.assertTrue(secret.signing_secret)
        wanted = [made.identifier, full.identifier]
        found = every(SDK.resource_servers.list(identifiers=wanted, per_page=1))
        self.assertEqual({api.id for api in found}, {made.id, full.id})
        self.assertEqual(every(SDK.resource_servers.list(identifiers='https://nobody.example/')), [])
        self.assertGreater(len(every(SDK.resource_servers.list(per_page=2, include_totals=True))), 3)
        SDK.resource_servers.delete(full.identifier)
        self.refused(404, 'inexistent_resource_server', SDK.resource_servers.get, full.identifier)

    def test_client_grants(self):
        client = self.client(app_type='non_interactive').client_id
        grants = SDK.client_grants

        def found(**more):
            return {grant.id for grant in every(grants.list(client_id=client, **more))}
        self.assertEqual(found(), set())
        ids, apis = set(), [self.api(['read:x', 'write:x']) for _ in range(51)]
        for i, api in enumerate(apis):
            if i == 1:
                self.assertEqual(found(), ids)
            ids.add(self.made(grants, client_id=client, audience=api.identifier, scope=['read:x']).id)
        for take in [10, 50, 100]:
            self.assertEqual(found(take=take), ids)
        one = next(iter(every(grants.list(client_id=client, audience=apis[0].identifier))))
        self.assertEqual(grants.get(one.id).audience, apis[0].identifier)
        self.assertEqual(grants.update(one.id, scope=['read:x', 'write:x']).scope, ['read:x', 'write:x'])
        full = self.made(grants, client_id=client, audience=apis[1].identifier, scope=['read:x'], subject_type='user',
                         organization_usage='deny', allow_any_organization=False)
        self.assertEqual((full.subject_type, full.organization_usage), ('user', 'deny'))
        self.refused(409, None, grants.create, client_id=client, audience=apis[2].identifier, scope=[])
        grants.delete(one.id)
        self.refused(404, 'inexistent_client_grant', grants.get, one.id)
