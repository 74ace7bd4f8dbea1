"""auth0-python 6: many users at once, what a tenant has, and what is refused."""

import asyncio
import base64
import gzip
import hashlib
import html
import json
import re
from urllib.parse import urljoin

import requests
from auth0.authentication.exceptions import Auth0Error
from auth0.management import AsyncManagementClient, ManagementClient

from auth0_management import (CALLS, SCENE, SDK, SERVER, WEB, Case, dump, every, finished, fresh,
                              log_in_with_password, manager)
from cast import CONNECTION, domain, mailed_to
from visitor import follow, parameters


def submit(page, **fields):
    """Sends the form of a page, with its hidden fields: the next page, or where it leads out to."""
    action = html.unescape(re.search(r'<form method="post" action="([^"]*)"', page.text)[1])
    hidden = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    form = {name: html.unescape(value) for name, value in hidden}
    return follow(requests.Session(), 'POST', urljoin(page.url, action), {**form, **fields})


class Jobs(Case):
    """Many users at once, and messages to them"""

    def test_users_come_with_their_passwords_and_leave_in_a_file(self):
        connection = self.made(SDK.connections, name=fresh('import'), strategy='auth0',
                               enabled_clients=[WEB['client_id']])
        prefix = fresh('imported')
        derived = hashlib.pbkdf2_hmac('sha256', b'what it was', b'salt of it', 1000)
        salt, value = [base64.b64encode(part).decode().rstrip('=') for part in [b'salt of it', derived]]
        bcrypt = '$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K'
        known = {
            'hello': {'password_hash': bcrypt},
            'what it was': {'custom_password_hash': {
                'algorithm': 'pbkdf2',
                'hash': {'value': f'$pbkdf2-sha256$i=1000,l=32${salt}${value}', 'encoding': 'utf8'}}},
        }
        people = [{'email': f'{prefix}-{i:02}@example.com', 'email_verified': True, 'given_name': f'Number {i}'}
                  for i in range(49)]
        for i, members in enumerate(known.values()):
            people.append({'email': f'{prefix}-known-{i}@example.com', 'app_metadata': {'n': i}, **members})
        search = f'email:{prefix}*'
        self.assertEqual(every(SDK.users.list(q=search, search_engine='v3')), [])

        def imported(users, **more):
            job = SDK.jobs.users_imports.create(connection_id=connection.id, users=(
                'users.json', json.dumps(users), 'application/json'), **more)
            self.assertEqual((job.type, job.status, job.connection_id), ('users_import', 'pending', connection.id))
            return finished(job)
        done = imported(people, upsert=False, external_id='mine', send_completion_email=False)
        self.assertEqual((done.status, done.external_id), ('completed', 'mine'))
        self.assertEqual(done.summary.inserted, 51)
        self.assertIsNone(SDK.jobs.errors.get(done.id))
        for i, password in enumerate(known):
            email = f'{prefix}-known-{i}@example.com'
            tokens = log_in_with_password(SERVER, email, password, realm=connection.name)
            self.assertTrue(tokens['id_token'])
            with self.assertRaises(Auth0Error):
                log_in_with_password(SERVER, email, f'{password}!', realm=connection.name)

        for more in [{'per_page': 10}, {'per_page': 51, 'sort': 'email:1'}, {'connection': connection.name}]:
            found = every(SDK.users.list(q=search, search_engine='v3', **more))
            self.assertEqual({user.email for user in found}, {user['email'] for user in people}, more)
        first = people[0]['email']
        one, = every(SDK.users.list(q=f'email:"{first}"', fields='email,given_name', include_fields=True,
                                    include_totals=True))
        self.assertEqual((one.email, one.given_name), (first, 'Number 0'))

        again = imported(people[:1] + [{'email': 'no address'}, {'email': first, 'colour': 'blue'}])
        self.assertEqual((again.status, again.summary.failed), ('completed', 3))
        errors = SDK.jobs.errors.get(again.id)
        self.assertEqual(len(errors), 3)
        for error in errors:
            self.assertTrue(error.user and error.errors[0].code and error.errors[0].message, error)
        changed = imported([{'email': first, 'given_name': 'Other'}], upsert=True)
        self.assertEqual(changed.summary.updated, 1)

        fields = [{'name': 'email'}, {'name': 'given_name', 'export_as': 'first'}]
        asked = {
            'json': {'format': 'json'}, 'csv': {'format': 'csv', 'fields': fields},
            'few': {'format': 'json', 'limit': 2, 'fields': fields}}
        texts = {}
        for name, more in asked.items():
            job = finished(SDK.jobs.users_exports.create(connection_id=connection.id, **more))
            self.assertEqual(job.status, 'completed')
            answer = requests.get(job.location, timeout=30)
            texts[name] = gzip.decompress(answer.content).decode().splitlines()
        exported = {user['Email']: user for user in map(json.loads, texts['json'])}
        self.assertEqual(set(exported), {user['email'] for user in people})
        self.assertEqual(exported[first]['Given Name'], 'Other')
        self.assertNotIn(bcrypt, '\n'.join(texts['json']))
        self.assertEqual(len(texts['csv']), 52)
        self.assertIn('first', texts['csv'][0])
        self.assertEqual([set(json.loads(line)) <= {'email', 'first'} for line in texts['few']], [True, True])

        broken = SDK.jobs.users_imports.create(connection_id=connection.id, users=(
            'users.json', 'not JSON', 'application/json'))
        self.assertEqual(finished(broken).status, 'failed')
        self.assertTrue(SDK.jobs.errors.get(broken.id).status_details)
        self.refused(404, None, SDK.jobs.get, 'job_0000000000000000')

    def test_an_address_is_verified(self):
        user, email, _ = self.user(email_verified=False, verify_email=False)
        job = finished(SDK.jobs.verification_email.create(user_id=user, client_id=WEB['client_id']))
        self.assertEqual((job.type, job.status), ('verification_email', 'completed'))
        mailed = re.search(r'https?:\S+', mailed_to(SERVER, email))[0]
        other, _, _ = self.user(email_verified=False, verify_email=False)
        ticket = SDK.tickets.verify_email(user_id=other, ttl_sec=600, include_email_in_redirect=False).ticket
        for whose, link in [(user, mailed), (other, ticket)]:
            self.assertFalse(SDK.users.get(whose).email_verified)
            page = follow(requests.Session(), 'GET', link)
            if not isinstance(page, str) and '<form' in page.text:
                submit(page)
            self.assertTrue(SDK.users.get(whose).email_verified)
        self.refused(404, 'inexistent_user', SDK.tickets.verify_email, user_id='auth0|nobody')

    def test_a_password_is_set_with_a_ticket(self):
        user, email, old = self.user()
        connection = every(SDK.connections.list(name=[CONNECTION]))[0].id
        for i, who in enumerate([{'user_id': user}, {'email': email, 'connection_id': connection}]):
            ticket = SDK.tickets.change_password(
                result_url='https://a.example/done?a=b', ttl_sec=600, mark_email_as_verified=True,
                include_email_in_redirect=True, **who).ticket
            page = follow(requests.Session(), 'GET', ticket)
            password = f'another long password {i}'
            after = submit(page, password=password, password_again=password)
            self.assertEqual((parameters(after)['success'], parameters(after)['email']), ('true', email))
            log_in_with_password(SERVER, email, password)
            with self.assertRaises(Auth0Error):
                log_in_with_password(SERVER, email, old)
            old = password
        self.assertTrue(SDK.users.get(user).email_verified)


class Tenant(Case):
    """Settings, keys and what else a tenant has. On a server of its own what would disturb the others"""

    @property
    def alone(self):
        server = SCENE['blank'][0]
        return manager(server, server['bootstrap'], CALLS)

    def test_settings_go_round(self):
        settings = self.alone.tenants.settings
        before = dump(settings.get())
        read_only = {'sandbox_versions_available', 'sandbox_version', 'legacy_sandbox_version'}
        writable = {name: value for name, value in before.items() if name not in read_only}
        for name in ('session_lifetime', 'idle_session_lifetime'):
            # Part of an hour can be read and not be written, from Auth0 as from here: that goes in minutes.
            if writable[name] % 1:
                writable[f'{name}_in_minutes'] = round(writable.pop(name) * 60)
        again = settings.update(**writable)
        self.assertEqual(dump(again), before)
        self.assertEqual(dump(settings.get()), before)
        changes = {'friendly_name': 'Judged', 'support_email': 'help@example.com',
                   'support_url': 'https://a.example/help', 'picture_url': 'https://a.example/logo.png',
                   # The types of the SDK make these numbers with a fraction.
                   'session_lifetime': 100.0, 'idle_session_lifetime': 50.0,
                   'allowed_logout_urls': ['https://a.example/bye'], 'enabled_locales': ['en'],
                   'default_redirection_uri': 'https://a.example/', 'flags': {'enable_client_connections': False},
                   'session_cookie': {'mode': 'persistent'}}
        changed = dump(settings.update(**changes))
        for name, value in changes.items():
            if isinstance(value, dict):
                self.assertLessEqual(value.items(), changed[name].items(), name)
            else:
                self.assertEqual(changed[name], value, name)
        few = dump(settings.get(fields='friendly_name', include_fields=True))
        self.assertEqual(few, {'friendly_name': 'Judged'})

    def test_keys_are_rotated_and_revoked(self):
        keys = self.alone.keys.signing
        before = keys.list()
        (current,), (following,) = [key for key in before if key.current], [key for key in before if key.next]
        self.assertIn('BEGIN CERTIFICATE', current.cert)
        made = keys.rotate()
        self.assertNotIn(made.kid, {key.kid for key in before})
        self.assertTrue(keys.get(following.kid).current)
        self.assertTrue(keys.get(made.kid).next)
        self.assertTrue(keys.get(current.kid).previous)
        self.assertEqual(keys.revoke(current.kid).kid, current.kid)
        # The token, too, was signed with it.
        self.refused(401, None, keys.list)
        keys = self.alone.keys.signing
        self.assertTrue(keys.get(current.kid).revoked)
        self.refused(404, None, keys.get, 'nothing')

    def test_attacks_and_what_is_empty(self):
        protection = self.alone.attack_protection
        for part in [protection.brute_force_protection, protection.suspicious_ip_throttling,
                     protection.breached_password_detection]:
            before = dump(part.get())
            self.assertEqual(dump(part.update(**before)), before)
        self.assertEqual(SDK.custom_domains.list(), [])


class Refusals(Case):
    """What goes wrong arrives as the error that the SDK documents"""

    def test_bodies_parameters_and_ids(self):
        body = self.refused(400, 'invalid_body', SDK.clients.create, name='')
        self.assertIn('Payload validation error', body['message'])
        self.refused(400, 'invalid_query_string', SDK.clients.list, per_page=1000)
        self.refused(400, 'invalid_query_string', SDK.users.list, q='email:(', search_engine='v3')
        self.refused(404, 'inexistent_user', SDK.users.get, 'auth0|a b/c')

    def test_who_asks(self):
        narrow = self.client(app_type='non_interactive', grant_types=['client_credentials'],
                             token_endpoint_auth_method='client_secret_post')
        self.made(SDK.client_grants, client_id=narrow.client_id, audience=f'{SERVER["issuer"]}api/v2/',
                  scope=['read:users'])
        machine = {'client_id': narrow.client_id, 'client_secret': narrow.client_secret}
        other = manager(SERVER, machine)
        every(other.users.list(per_page=1, q='email:nobody'))
        self.refused(403, 'insufficient_scope', other.roles.list)
        self.refused(403, 'insufficient_scope', other.users.update, 'auth0|x', name='x')
        _, email, password = self.user()
        identity = log_in_with_password(SERVER, email, password)['id_token']
        for token, status, code in [('nonsense', 400, 'Bearer'), (identity, 401, None)]:
            impostor = ManagementClient(domain=domain(SERVER), token=token)
            self.refused(status, code, impostor.users.list)

    def test_the_asynchronous_client(self):
        async def walk():
            machine = SERVER['management']
            sdk = AsyncManagementClient(domain=domain(SERVER), client_id=machine['client_id'],
                                        client_secret=machine['client_secret'])
            role = await sdk.roles.create(name=fresh('role'))
            users = [user async for user in await sdk.roles.users.list(role.id)]
            roles = [r.id async for r in await sdk.roles.list(name_filter=role.name)]
            await sdk.roles.delete(role.id)
            return users, roles == [role.id]
        self.assertEqual(asyncio.run(walk()), ([], True))
