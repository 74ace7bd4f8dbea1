"""auth0-server-python, the SDK for web applications with sessions. It speaks https only."""

import asyncio
import datetime
import unittest
from unittest import mock
from urllib.parse import urlsplit

import requests
from auth0_server_python.auth_server.server_client import ServerClient
from auth0_server_python.auth_types import (LogoutOptions, StartInteractiveLoginOptions,
                                            StartPasswordlessEmailOptions, VerifyPasswordlessOtpOptions)
from auth0_server_python.error import AccessTokenError, ApiError, PasswordlessVerifyError

from cast import (add_keyed_application, add_passwordless_application, code_mailed_to, domain, key_pair,
                  new_address, serves, stage)
from error_paths import REFUSED_TOKEN, ErrorPaths
from visitor import log_in, parameters

SCENE = stage()
SERVER = SCENE['server']
FIRST, SECOND, OUTSIDE = SERVER['apis']
BASE = 'openid profile email offline_access'
SCOPE = {FIRST['audience']: f'{BASE} {FIRST["scope"]}', SECOND['audience']: f'{BASE} {SECOND["scope"]}'}
HTTPS_ONLY = unittest.skipUnless(SCENE['transport'] == 'https', 'auth0-server-python speaks https only')


class Store(dict):
    """The store that an application brings, in memory."""

    async def set(self, identifier, state, remove_if_expires=False, options=None):
        self[identifier] = state

    async def get(self, identifier, options=None):
        return dict.get(self, identifier)

    async def delete(self, identifier, options=None):
        self.pop(identifier, None)


class Adapter:
    """The SDK in a loop of its own: its connections belong to one."""

    def __init__(self, on, application, **more):
        self.loop = asyncio.new_event_loop()
        self.transactions, self.states = Store(), Store()
        self.client = ServerClient(**{
            'domain': domain(on), 'client_id': application['client_id'],
            'client_secret': application.get('client_secret'), 'secret': 's' * 32,
            'redirect_uri': on['callback'], 'transaction_store': self.transactions, 'state_store': self.states,
            'authorization_params': {'audience': FIRST['audience'], 'scope': SCOPE}, **more})

    def run(self, work):
        return self.loop.run_until_complete(work)

    def close(self):
        self.run(self.client._oauth.aclose())  # pylint: disable=protected-access
        self.loop.close()

    def start(self, **params):
        return self.run(self.client.start_interactive_login(
            StartInteractiveLoginOptions(app_state='kept', authorization_params=params)))

    def complete(self, callback):
        return self.run(self.client.complete_interactive_login(callback))

    def begin(self, audience, scope):
        url = self.start(audience=audience, scope=scope)
        (_, transaction), = self.transactions.items()
        # What the SDK has done with the transaction by the second time is of no matter here.
        return url, {'transaction': transaction, 'key': f'_a0_tx:{parameters(url)["state"]}'}

    def redeem(self, callback, memory):
        names = {'verifier': 'code_verifier', 'redirect_uri': 'redirect_uri'}
        changes = {name: memory[key] for key, name in names.items() if key in memory}
        self.transactions[memory['key']] = memory['transaction'].model_copy(update=changes)
        state = self.complete(callback)['state_data']
        return {'access_token': state['token_sets'][-1]['access_token'], **state}

    def refresh(self, token, **more):
        return self.run(self.client.get_token_by_refresh_token({'refresh_token': token, **more}))

    @staticmethod
    def refusal(error):
        assert isinstance(error, ApiError), repr(error)
        if error.code == 'token_error':
            return error.cause.error, error.cause.description, None
        return error.code, error.message, None


class Case(unittest.TestCase):
    def sdk(self, on=SERVER, application=None, **more):
        adapter = Adapter(on, application or SERVER['applications']['web'], **more)
        self.addCleanup(adapter.close)
        return adapter


@HTTPS_ONLY
class Auth0ServerPythonErrors(ErrorPaths, Case):
    """auth0-server-python: what is refused"""

    scene = SCENE


@HTTPS_ONLY
class Auth0ServerPython(Case):
    """auth0-server-python"""

    def refused(self, attempt, kind, code, words=''):
        with self.assertRaises(kind) as caught:
            attempt()
        self.assertEqual(caught.exception.code, code)
        self.assertIn(words, str(caught.exception))

    def logged_in(self, **more):
        adapter = self.sdk(**more)
        callback = log_in(adapter.start(), SERVER['user'])
        done = adapter.complete(callback)
        self.assertEqual(done['app_state'], 'kept')
        return adapter, done['state_data']

    def test_one_login_and_a_token_for_the_second_api(self):
        adapter, state = self.logged_in()
        self.assertEqual(state['user']['email'], SERVER['user']['email'])
        self.assertEqual(adapter.run(adapter.client.get_user())['sub'], SERVER['user']['user_id'])

        def token(audience, **more):
            return adapter.run(adapter.client.get_access_token(audience=audience, **more))
        first = token(FIRST['audience'])
        self.assertEqual(first, state['token_sets'][0]['access_token'], 'from the session')
        serves(SCENE, first, FIRST['audience'], FIRST['scope'])
        second = token(SECOND['audience'])
        serves(SCENE, second, SECOND['audience'], SECOND['scope'])
        session = adapter.states['_a0_session']
        self.assertNotEqual(session['refresh_token'], state['refresh_token'], 'it rotates')
        self.assertEqual(token(SECOND['audience']), second, 'from the session')
        self.assertEqual(token(FIRST['audience']), first, 'from the session')
        self.assertEqual(adapter.states['_a0_session']['refresh_token'], session['refresh_token'])

        # An access token that has expired is renewed.
        for entry in session['token_sets']:
            entry['expires_at'] = 0
        serves(SCENE, token(FIRST['audience']), FIRST['audience'], FIRST['scope'])
        self.assertNotEqual(adapter.states['_a0_session']['refresh_token'], session['refresh_token'])

    def test_a_refresh_token_for_a_second_api(self):
        adapter, state = self.logged_in()
        got = adapter.refresh(state['refresh_token'], audience=SECOND['audience'])
        self.assertEqual(set(got['scope'].split()), set(SCOPE[SECOND['audience']].split()))
        self.assertIsInstance(got['expires_at'], int)
        serves(SCENE, got['access_token'], SECOND['audience'], SECOND['scope'])

    def test_an_api_outside_the_policies_costs_the_session_nothing(self):
        adapter, _ = self.logged_in()
        for audience in [OUTSIDE['audience'], 'https://nobody.example/']:
            work = adapter.client.get_access_token
            self.refused(lambda a=audience, w=work: adapter.run(w(audience=a)),
                         AccessTokenError, 'refresh_token_error')
        token = adapter.run(adapter.client.get_access_token(audience=SECOND['audience']))
        serves(SCENE, token, SECOND['audience'], SECOND['scope'])

    def test_a_session_whose_refresh_token_was_revoked(self):
        adapter, state = self.logged_in()
        form = {**SERVER['applications']['web'], 'token': state['refresh_token']}
        requests.post(f'{SERVER["issuer"]}oauth/revoke', data=form, timeout=30).raise_for_status()
        self.refused(lambda: adapter.run(adapter.client.get_access_token(audience=SECOND['audience'])),
                     AccessTokenError, 'refresh_token_error', REFUSED_TOKEN[1])

    def test_a_pushed_request(self):
        adapter = self.sdk(pushed_authorization_requests=True)
        url = adapter.start()
        self.assertEqual(set(parameters(url)), {'request_uri', 'response_type', 'client_id'})
        pushed = next(iter(adapter.transactions))
        callback = log_in(url, SERVER['user'])
        self.assertTrue(pushed.endswith(parameters(callback)['state']))
        tokens = adapter.complete(callback)['state_data']['token_sets'][0]
        serves(SCENE, tokens['access_token'], FIRST['audience'], FIRST['scope'])
        self.refused(lambda: adapter.start(redirect_uri='https://elsewhere.example/'), ApiError, 'invalid_request')

    def test_a_key_instead_of_a_secret(self):
        application, private = add_keyed_application(SERVER)
        for pushes in [False, True]:
            adapter, state = self.logged_in(application=application, client_assertion_signing_key=private,
                                            pushed_authorization_requests=pushes)
            got = adapter.refresh(state['refresh_token'], audience=SECOND['audience'])
            serves(SCENE, got['access_token'], SECOND['audience'], SECOND['scope'])
        impostor = self.sdk(application=application, client_assertion_signing_key=key_pair()[0])
        code = 'access_denied' if SCENE['errorStatus'] == 'auth0' else 'invalid_client'
        self.refused(lambda: impostor.refresh(got['refresh_token']), ApiError, code)

    def test_a_person_who_declines_consent(self):
        adapter = self.sdk(application=SERVER['applications']['stranger'])
        callback = log_in(adapter.start(), SERVER['user'], consent='decline')
        self.refused(lambda: adapter.complete(callback), ApiError, 'access_denied')

    def test_an_unknown_audience(self):
        adapter = self.sdk()
        callback = log_in(adapter.start(audience='https://nobody.example/', scope='openid'), SERVER['user'])
        self.refused(lambda: adapter.complete(callback), ApiError, 'access_denied')

    def test_a_one_time_code_by_mail(self):
        adapter = self.sdk(application=add_passwordless_application(SERVER))
        email = new_address()
        adapter.run(adapter.client.passwordless.start(StartPasswordlessEmailOptions(email=email)))
        code, another = code_mailed_to(SERVER, email)

        def verify(otp):
            return adapter.run(adapter.client.passwordless.verify(VerifyPasswordlessOtpOptions(
                connection='email', email=email, verification_code=otp, scope=f'{BASE} {FIRST["scope"]}',
                audience=FIRST['audience'])))
        with self.assertRaises(PasswordlessVerifyError):
            verify(another)
        verify(code)
        self.assertEqual(adapter.run(adapter.client.get_user())['email'], email)
        token = adapter.run(adapter.client.get_access_token(audience=SECOND['audience']))
        serves(SCENE, token, SECOND['audience'], SECOND['scope'])

    def test_a_clock_that_is_behind_or_ahead(self):
        for hours, code in [(-1, 'invalid_token'), (24 * 365, 'token_expired')]:
            adapter = self.sdk()
            callback = log_in(adapter.start(), SERVER['user'])
            now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
            with mock.patch('jwt.api_jwt.datetime') as clock:
                clock.now.return_value = now
                self.refused(lambda a=adapter, c=callback: a.complete(c), ApiError, code)

    def test_logout(self):
        adapter, _ = self.logged_in()
        url = adapter.run(adapter.client.logout(LogoutOptions()))
        self.assertEqual(urlsplit(url).path, '/v2/logout')
        self.assertFalse(adapter.states)
