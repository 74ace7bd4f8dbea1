"""auth0-python 6: users, what they belong to and what they leave behind."""

import time
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import requests
from auth0.authentication.exceptions import Auth0Error

from auth0_management import SDK, SERVER, WEB, Case, dump, every, fresh, log_in_with_password
from cast import CONNECTION, new_address
from visitor import log_in, parameters


class People(Case):
    """Users, roles, permissions, organizations"""

    def test_a_user(self):
        user_id, email, password = self.user()
        members = {
            'user_metadata': {'colour': 'blue', 'deep': {'list': [1, 2]}}, 'app_metadata': {'plan': 'large'},
            'given_name': 'Ada', 'family_name': 'Lovelace', 'name': 'Ada Lovelace', 'nickname': 'ada',
            'picture': 'https://a.example/ada.png', 'email_verified': True, 'blocked': False,
        }
        full, _, _ = self.user(user_id=fresh('own'), verify_email=False, **members)
        self.assertTrue(full.startswith('auth0|own-'))
        got = dump(SDK.users.get(full))
        for name, value in members.items():
            self.assertEqual(got[name], value, name)
        self.assertEqual(got['identities'][0]['connection'], CONNECTION)
        changed = SDK.users.update(full, user_metadata={'colour': None}, nickname='countess')
        self.assertEqual(changed.user_metadata, {'deep': {'list': [1, 2]}})
        few = dump(SDK.users.get(full, fields='nickname', include_fields=True))
        self.assertEqual(few['nickname'], 'countess')
        self.assertEqual([u.user_id for u in SDK.users.list_users_by_email(email=email)], [user_id])
        self.assertEqual(SDK.users.list_users_by_email(email=new_address()), [])
        log_in_with_password(SERVER, email, password)
        self.assertEqual(SDK.users.get(user_id).logins_count, 1)
        SDK.users.update(user_id, blocked=True)
        with self.assertRaises(Auth0Error):
            log_in_with_password(SERVER, email, password)
        SDK.users.update(user_id, blocked=False)
        SDK.users.update(user_id, password='quite another password', connection=CONNECTION)
        log_in_with_password(SERVER, email, 'quite another password')
        self.refused(409, 'user_exists', SDK.users.create, connection=CONNECTION, email=email, password=password)
        SDK.users.delete(user_id)
        self.refused(404, 'inexistent_user', SDK.users.get, user_id)

    def test_roles_and_permissions_of_many_kinds(self):
        api = self.api([f'x:{i:02}' for i in range(51)])
        permissions = [{'resource_server_identifier': api.identifier, 'permission_name': s.value} for s in api.scopes]
        user, _, _ = self.user()
        prefix = fresh('role')
        self.assertEqual(every(SDK.roles.list(name_filter=prefix, include_totals=True)), [])
        roles = [self.made(SDK.roles, name=f'{prefix} {i}', description='One') for i in range(51)]
        self.refused(409, None, SDK.roles.create, name=roles[0].name)
        for more in [{}, {'per_page': 10}, {'per_page': 50, 'include_totals': True}]:
            found = every(SDK.roles.list(name_filter=prefix, **more))
            self.assertEqual({role.id for role in found}, {role.id for role in roles})
        one = roles[0].id
        self.assertEqual(SDK.roles.update(one, name=f'{prefix} other').name, SDK.roles.get(one).name)

        of_roles, of_users = SDK.roles.permissions, SDK.users.permissions
        for holder, add, of in [(of_roles, of_roles.add, one), (of_users, of_users.create, user)]:
            def names(holder=holder, of=of, **more):
                return [p.permission_name for p in every(holder.list(of, **more))]
            self.assertEqual(names(), [])
            add(of, permissions=permissions[:1])
            self.assertEqual(names(), ['x:00'])
            add(of, permissions=permissions[1:])
            for more in [{}, {'per_page': 7}, {'per_page': 100}]:
                self.assertEqual(sorted(names(**more)), sorted(s.value for s in api.scopes))
            holder.delete(of, permissions=permissions[:1])
            self.assertEqual(len(names()), 50)
        source = SDK.users.effective_permissions
        SDK.users.permissions.delete(user, permissions=permissions[1:])
        self.assertEqual(every(source.list(user, resource_server_identifier=api.identifier)), [])

        self.assertEqual(every(SDK.users.roles.list(user)), [])
        self.assertEqual(every(SDK.users.effective_roles.list(user)), [])
        self.assertEqual(every(SDK.roles.users.list(one)), [])
        SDK.users.roles.assign(user, roles=[one])
        self.assertEqual([u.user_id for u in every(SDK.roles.users.list(one))], [user])
        self.assertEqual([r.id for r in every(SDK.users.roles.list(user))], [one])
        SDK.users.roles.assign(user, roles=[r.id for r in roles[1:]])
        for pager in [SDK.users.roles.list(user, per_page=20), SDK.users.roles.list(user),
                      SDK.users.effective_roles.list(user, take=20)]:
            self.assertEqual({r.id for r in every(pager)}, {r.id for r in roles})
        every_one = every(source.list(user, resource_server_identifier=api.identifier, take=20))
        self.assertEqual(len(every_one), 50)
        through = source.sources.roles.list(user, resource_server_identifier=api.identifier, permission_name='x:01')
        self.assertEqual([r.id for r in every(through)], [one])
        SDK.users.roles.delete(user, roles=[one])
        other, _, _ = self.user()
        SDK.roles.users.assign(one, users=[user, other])
        self.assertEqual({u.user_id for u in every(SDK.roles.users.list(one, take=1))}, {user, other})
        self.refused(404, None, SDK.roles.get, 'rol_0000000000000000')

    def test_organizations(self):
        name = fresh('org')
        small = self.made(SDK.organizations, name=name)
        branding = {'logo_url': 'https://a.example/logo.png',
                    'colors': {'primary': '#112233', 'page_background': '#ffffff'}}
        full = self.made(SDK.organizations, name=f'{name}-full', display_name='All of it', branding=branding,
                         metadata={'a': 'b'})
        got = dump(SDK.organizations.get(full.id))
        self.assertEqual((got['branding'], got['metadata']), (branding, {'a': 'b'}))
        self.assertEqual(SDK.organizations.get_by_name(name).id, small.id)
        self.assertEqual(SDK.organizations.update(small.id, display_name='Small').display_name, 'Small')
        self.refused(409, None, SDK.organizations.create, name=name)
        parts = SDK.organizations
        for part in [parts.client_grants, parts.connections, parts.enabled_connections]:
            self.assertEqual(every(part.list(small.id)), [])

        users = [self.user()[0]]
        self.assertEqual(every(SDK.organizations.members.list(small.id)), [])
        self.assertEqual(every(SDK.users.organizations.list(users[0])), [])
        SDK.organizations.members.create(small.id, members=users)
        self.assertEqual([m.user_id for m in every(SDK.organizations.members.list(small.id))], users)
        self.assertEqual([o.id for o in every(SDK.users.organizations.list(users[0]))], [small.id])
        many = [self.made(SDK.organizations, name=f'{name}-{i}').id for i in range(50)]
        for organization in many:
            SDK.organizations.members.create(organization, members=users)
        for more in [{}, {'per_page': 7}]:
            self.assertEqual({o.id for o in every(SDK.users.organizations.list(users[0], **more))}, {small.id, *many})
        everything = {o.id for o in every(SDK.organizations.list(take=20))}
        self.assertLessEqual({small.id, full.id, *many}, everything)
        users += [self.user()[0] for _ in range(2)]
        SDK.organizations.members.create(small.id, members=users[1:])
        self.assertEqual({m.user_id for m in every(SDK.organizations.members.list(small.id, take=2))}, set(users))
        SDK.organizations.members.delete(small.id, members=users[:1])
        self.assertEqual({m.user_id for m in every(SDK.organizations.members.list(small.id))}, set(users[1:]))
        SDK.organizations.delete(full.id)
        self.refused(404, None, SDK.organizations.get, full.id)

    def test_connections(self):
        name = fresh('connection')
        self.assertEqual(every(SDK.connections.list(name=name)), [])
        small = self.made(SDK.connections, name=name, strategy='auth0')
        full = self.made(SDK.connections, name=f'{name}-full', strategy='auth0', display_name='All',
                         is_domain_connection=False, realms=[f'{name}-full'], metadata={'a': 'b'},
                         enabled_clients=[WEB['client_id']],
                         options={'disable_signup': True, 'brute_force_protection': True, 'requires_username': False})
        got = SDK.connections.get(full.id)
        self.assertEqual((got.display_name, got.metadata), ('All', {'a': 'b'}))
        self.assertEqual([c.id for c in every(SDK.connections.list(name=[name]))], [small.id])
        databases = every(SDK.connections.list(strategy=['auth0'], take=1))
        self.assertLessEqual({small.id, full.id}, {c.id for c in databases})
        self.assertEqual(SDK.connections.update(small.id, display_name='Small').display_name, 'Small')
        SDK.connections.check_status(small.id)
        email = new_address()
        user = self.made(SDK.users, connection=f'{name}-full', email=email, password='a long password indeed')
        SDK.connections.users.delete_by_email(full.id, email=email)
        self.refused(404, 'inexistent_user', SDK.users.get, user.user_id)
        SDK.connections.delete(small.id)
        self.refused(404, 'inexistent_connection', SDK.connections.get, small.id)
        self.refused(409, None, SDK.connections.create, name=CONNECTION, strategy='auth0')


class Afterwards(Case):
    """What logins leave behind: sessions, tokens, grants, logs, days, blocks"""

    def logged_in(self, application=WEB, **more):
        """Through the pages: the user, and the tokens."""
        user, email, password = self.user()
        query = {'response_type': 'code', 'client_id': application['client_id'], 'redirect_uri': SERVER['callback'],
                 'audience': SERVER['apis'][0]['audience'], 'scope': 'openid profile offline_access read:a',
                 'state': 'x', **more}
        callback = log_in(f'{SERVER["issuer"]}authorize?{urlencode(query)}', {'email': email, 'password': password})
        tokens = requests.post(f'{SERVER["issuer"]}oauth/token', timeout=30, data={
            'grant_type': 'authorization_code', **application, 'redirect_uri': SERVER['callback'],
            'code': parameters(callback)['code']})
        return user, email, password, tokens.json()['refresh_token']

    def refreshes(self, token):
        answer = requests.post(f'{SERVER["issuer"]}oauth/token', timeout=30, data={
            'grant_type': 'refresh_token', **WEB, 'refresh_token': token})
        return answer.ok

    def test_sessions(self):
        user, *_, token = self.logged_in()
        session, = every(SDK.users.sessions.list(user))
        got = SDK.sessions.get(session.id)
        self.assertEqual((got.user_id, got.clients[0].client_id), (user, WEB['client_id']))
        self.assertEqual(SDK.sessions.update(got.id, session_metadata={'a': 'b'}).session_metadata, {'a': 'b'})
        SDK.sessions.revoke(got.id)
        self.assertFalse(self.refreshes(token))
        self.assertEqual(every(SDK.users.sessions.list(user)), [])
        self.refused(404, None, SDK.sessions.get, got.id)
        for end in [lambda u, s: SDK.sessions.delete(s), lambda u, s: SDK.users.sessions.delete(u),
                    lambda u, s: SDK.users.revoke_access(u), lambda u, s: SDK.users.revoke_access(u, session_id=s)]:
            user, *_ = self.logged_in()
            end(user, every(SDK.users.sessions.list(user))[0].id)
            for _ in range(100):
                if not every(SDK.users.sessions.list(user)):
                    break
                time.sleep(0.1)
            self.assertEqual(every(SDK.users.sessions.list(user)), [])

    def test_refresh_tokens(self):
        user, email, password, token = self.logged_in()
        for _ in range(2):
            log_in_with_password(SERVER, email, password)
        mine = every(SDK.users.refresh_token.list(user, take=1))
        self.assertEqual(len(mine), 3)
        self.assertEqual({t.id for t in every(SDK.refresh_tokens.list(user_id=user, take=2))}, {t.id for t in mine})
        self.assertEqual(len(every(SDK.refresh_tokens.list(user_id=user, client_id=WEB['client_id']))), 3)
        with_session, = [t.id for t in mine if t.session_id]
        got = SDK.refresh_tokens.get(with_session)
        self.assertEqual((got.user_id, got.client_id), (user, WEB['client_id']))
        changed = SDK.refresh_tokens.update(got.id, refresh_token_metadata={'a': 'b'})
        self.assertEqual(changed.refresh_token_metadata, {'a': 'b'})
        self.assertTrue(self.refreshes(token))
        SDK.refresh_tokens.delete(got.id)
        self.assertFalse(self.refreshes(token))
        others = [t.id for t in mine if t.id != got.id]
        SDK.refresh_tokens.revoke(ids=others[:1])
        self.assertEqual([t.id for t in every(SDK.users.refresh_token.list(user))], others[1:])
        SDK.users.refresh_token.delete(user)
        self.assertEqual(every(SDK.users.refresh_token.list(user)), [])
        self.refused(404, None, SDK.refresh_tokens.get, got.id)
        other, *_ = self.logged_in()
        SDK.refresh_tokens.revoke(user_id=other)
        self.assertEqual(every(SDK.users.refresh_token.list(other)), [])

    def test_grants_and_devices(self):
        stranger = SERVER['applications']['stranger']
        ends = [lambda u, g: SDK.user_grants.delete(g), lambda u, g: SDK.user_grants.delete_by_user_id(user_id=u)]
        for end in ends:
            user, *_ = self.logged_in(stranger, device='telephone')
            grants = every(SDK.user_grants.list(user_id=user, per_page=1, include_totals=True))
            self.assertTrue(grants)
            for grant in grants:
                self.assertEqual((grant.user_id, grant.client_id), (user, stranger['client_id']))
            for grant in grants:
                end(user, grant.id)
            self.assertEqual(every(SDK.user_grants.list(user_id=user)), [])
        user, *_, token = self.logged_in(device='telephone')
        kinds = [every(SDK.device_credentials.list(user_id=user, type=kind, include_totals=True))
                 for kind in ['refresh_token', 'rotating_refresh_token']]
        device, = [device for devices in kinds for device in devices]
        self.assertEqual((device.user_id, device.client_id), (user, WEB['client_id']))
        SDK.device_credentials.delete(device.id)
        self.assertFalse(self.refreshes(token))
        self.assertEqual(every(SDK.device_credentials.list(user_id=user, type=device.type)), [])

    def written_log(self, user):
        """The log of a user, once it grows no longer: what need not be there before the answer is written a moment later."""
        before = None
        for _ in range(60):
            now = [log.log_id for log in every(SDK.users.logs.list(user, per_page=50, sort='date:1'))]
            if len(now) > 2 and now == before:
                return now
            before = now
            time.sleep(0.5)
        self.fail('the log is not written')

    def test_logs_days_and_blocks(self):
        user, email, password, _ = self.logged_in()
        for _ in range(2):
            with self.assertRaises(Auth0Error):
                log_in_with_password(SERVER, email, f'not {password}')
        logs = self.written_log(user)
        for per_page in [1, 2]:
            paged = every(SDK.users.logs.list(user, per_page=per_page, sort='date:1'))
            self.assertEqual([log.log_id for log in paged], logs)
        for log in logs:
            self.assertEqual(SDK.logs.get(log).log_id, log)
        found = every(SDK.logs.list(search=f'user_id:"{user}"', per_page=2, include_totals=True, sort='date:-1'))
        self.assertLessEqual({log.log_id for log in found}, set(logs))
        self.assertEqual({log.type for log in every(SDK.logs.list(search=f'type:fp AND user_id:"{user}"'))}, {'fp'})
        self.assertEqual(every(SDK.logs.list(search='user_id:"auth0|nobody"')), [])
        few = SDK.logs.list(fields='type,date', include_fields=True, per_page=1).items[0]
        self.assertTrue(few.type and few.date)
        self.refused(404, None, SDK.logs.get, 'nothing')

        self.assertGreaterEqual(SDK.stats.get_active_users_count(), 1)
        today = datetime.now(timezone.utc)
        days = SDK.stats.get_daily(from_=(today - timedelta(days=1)).strftime('%Y%m%d'), to=today.strftime('%Y%m%d'))
        self.assertGreaterEqual(sum(day.logins for day in days), 1)
        self.assertEqual(SDK.user_blocks.list(user).blocked_for, [])
        self.assertEqual(SDK.user_blocks.list_by_identifier(identifier=email).blocked_for, [])
        SDK.user_blocks.delete(user)
        SDK.user_blocks.delete_by_identifier(identifier=email)
        self.refused(404, None, SDK.anomaly.blocks.check_ip, '192.0.2.1')
        SDK.anomaly.blocks.unblock_ip('192.0.2.1')
