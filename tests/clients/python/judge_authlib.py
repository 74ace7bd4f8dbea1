"""Authlib, the library for standards: its client on requests, once on httpx, and its ID tokens."""

import time
import unittest

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.errors import MismatchingStateException
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, JoseError
from joserfc.jwk import KeySet

from cast import serves, stage
from error_paths import ErrorPaths
from visitor import log_in, parameters

SCENE = stage()
SERVER = SCENE['server']
FIRST, SECOND, OUTSIDE = SERVER['apis']
SCOPE = f'openid profile email offline_access {FIRST["scope"]}'
METADATA = requests.get(f'{SERVER["issuer"]}.well-known/openid-configuration', timeout=30).json()


def client(application, method='client_secret_post', on=SERVER, kind=OAuth2Session):
    """A client, which finds every endpoint by discovery."""
    metadata = requests.get(f'{on["issuer"]}.well-known/openid-configuration', timeout=30).json()
    secret = application.get('client_secret')
    return kind(application['client_id'], secret, redirect_uri=on['callback'], code_challenge_method='S256',
                token_endpoint_auth_method=method if secret else 'none',
                revocation_endpoint_auth_method=method if secret else 'none', **metadata)


class Adapter:
    def __init__(self, on, application, **more):
        self.session = client(application, on=on, **more)
        self.metadata = self.session.metadata

    def begin(self, audience, scope):
        memory = {'verifier': generate_token(48), 'nonce': generate_token(20)}
        url, memory['state'] = self.session.create_authorization_url(
            self.metadata['authorization_endpoint'], code_verifier=memory['verifier'],
            nonce=memory['nonce'], audience=audience, scope=scope)
        return url, memory

    def redeem(self, callback, memory):
        more = {'redirect_uri': memory['redirect_uri']} if 'redirect_uri' in memory else {}
        return self.session.fetch_token(self.metadata['token_endpoint'], authorization_response=callback,
                                        state=memory['state'], code_verifier=memory['verifier'], **more)

    def refresh(self, token, **more):
        return self.session.refresh_token(self.metadata['token_endpoint'], refresh_token=token, **more)

    def revoke(self, token):
        answer = self.session.revoke_token(self.metadata['revocation_endpoint'], token, 'refresh_token')
        assert answer.status_code == 200, answer.text

    def introspect(self, token):
        return self.session.introspect_token(self.metadata['introspection_endpoint'], token).json()

    @staticmethod
    def refusal(error):
        assert isinstance(error, OAuthError), repr(error)
        return error.error, error.description, None


def logged_in(adapter, audience=FIRST['audience'], scope=SCOPE):
    url, memory = adapter.begin(audience, scope)
    return adapter.redeem(log_in(url, SERVER['user']), memory), memory


def id_token_of(tokens, application, nonce=None, now=None):
    """What the integrations of Authlib with frameworks do with an ID token."""
    keys = KeySet.import_key_set(requests.get(METADATA['jwks_uri'], timeout=30).json())
    token = jwt.decode(tokens['id_token'], keys, algorithms=METADATA['id_token_signing_alg_values_supported'])
    claims = CodeIDToken(
        token.claims, token.header, {'iss': {'values': [SERVER['issuer']]}},
        {'nonce': nonce, 'client_id': application['client_id'], 'access_token': tokens['access_token']})
    claims.validate(now=now, leeway=120)
    return claims


class AuthlibErrors(ErrorPaths, unittest.TestCase):
    """Authlib: what is refused"""

    scene, sdk = SCENE, Adapter


class Authlib(unittest.TestCase):
    """Authlib"""

    web = SERVER['applications']['web']

    def refused(self, attempt, code):
        with self.assertRaises(OAuthError) as caught:
            attempt()
        self.assertEqual(caught.exception.error, code)

    def test_one_login_and_a_token_for_every_api(self):
        native = SERVER['applications']['native']
        adapter = Adapter(SERVER, native)
        tokens, memory = logged_in(adapter)
        self.assertEqual(id_token_of(tokens, native, memory['nonce'])['email'], SERVER['user']['email'])
        serves(SCENE, tokens['access_token'], FIRST['audience'], FIRST['scope'])
        token = tokens['refresh_token']
        for api, more in [(SECOND, {'audience': SECOND['audience']}), (FIRST, {'audience': FIRST['audience']}),
                          (SECOND, {'resource': SECOND['audience']})]:
            got = adapter.refresh(token, **more)
            self.assertNotEqual(got['refresh_token'], token, 'it rotates')
            token = got['refresh_token']
            serves(SCENE, got['access_token'], api['audience'], api['scope'])
            self.assertNotIn('nonce', id_token_of(got, native))
        narrow = adapter.refresh(token, audience=SECOND['audience'], scope='openid read:b')
        self.assertEqual(narrow['scope'], 'openid read:b')
        who = adapter.session.get(METADATA['userinfo_endpoint']).json()
        self.assertEqual(who, {'sub': SERVER['user']['user_id']})

    def test_userinfo_with_the_token_of_the_login(self):
        adapter = Adapter(SERVER, self.web)
        logged_in(adapter)
        self.assertEqual(adapter.session.get(METADATA['userinfo_endpoint']).json()['email'], SERVER['user']['email'])

    def test_the_client_renews_an_expired_token_by_itself(self):
        adapter = Adapter(SERVER, self.web)
        tokens, _ = logged_in(adapter)
        before = tokens['refresh_token']
        adapter.session.token = {**tokens, 'expires_at': int(time.time()) - 1}
        answer = adapter.session.get(SCENE['resourceServers'][FIRST['audience']])
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertNotEqual(adapter.session.token['refresh_token'], before)

    def test_the_secret_in_the_header(self):
        adapter = Adapter(SERVER, self.web, method='client_secret_basic')
        tokens, _ = logged_in(adapter)
        again = adapter.refresh(tokens['refresh_token'])
        adapter.revoke(again['refresh_token'])
        self.refused(lambda: adapter.refresh(again['refresh_token']), 'invalid_grant')

    def test_client_credentials(self):
        session = client(SERVER['applications']['machine'])
        tokens = session.fetch_token(grant_type='client_credentials', audience=FIRST['audience'])
        self.assertEqual(tokens['scope'], 'read:a')
        serves(SCENE, tokens['access_token'], FIRST['audience'], 'read:a')
        got = session.fetch_token(grant_type='client_credentials', resource=FIRST['audience'])
        serves(SCENE, got['access_token'], FIRST['audience'], 'read:a')
        for audience in [SECOND['audience'], 'https://nobody.example/']:
            self.refused(lambda a=audience: session.fetch_token(
                grant_type='client_credentials', audience=a), 'access_denied')

    def test_introspection_and_revocation(self):
        adapter = Adapter(SERVER, self.web)
        tokens, _ = logged_in(adapter)
        seen = adapter.introspect(tokens['refresh_token'])
        self.assertTrue(seen['active'])
        self.assertEqual(seen['sub'], SERVER['user']['user_id'])
        adapter.revoke(tokens['refresh_token'])
        self.assertEqual(adapter.introspect(tokens['refresh_token']), {'active': False})
        self.assertEqual(adapter.introspect('v1.not-one-of-ours'), {'active': False})
        self.refused(lambda: adapter.refresh(tokens['refresh_token']), 'invalid_grant')

    def test_the_password_grant_and_a_wrong_password(self):
        session = client(self.web)
        user = SERVER['user']
        login = {'username': user['email'], 'audience': FIRST['audience'], 'scope': SCOPE}
        tokens = session.fetch_token(password=user['password'], **login)
        serves(SCENE, tokens['access_token'], FIRST['audience'], FIRST['scope'])
        with self.assertRaises(OAuthError) as caught:
            client(self.web).fetch_token(password='wrong', **login)
        self.assertEqual((caught.exception.error, caught.exception.description),
                         ('invalid_grant', 'Wrong email or password.'))

    def test_a_state_of_somebody_else(self):
        adapter = Adapter(SERVER, self.web)
        url, memory = adapter.begin(FIRST['audience'], SCOPE)
        callback = log_in(url, SERVER['user'])
        with self.assertRaises(MismatchingStateException):
            adapter.redeem(callback, {**memory, 'state': 'another'})

    def test_a_login_for_an_unknown_audience(self):
        url, memory = Adapter(SERVER, self.web).begin('https://nobody.example/', SCOPE)
        answer = parameters(log_in(url, SERVER['user']))
        self.assertEqual((answer['error'], answer['state']), ('access_denied', memory['state']))

    def test_an_id_token_that_is_not_good(self):
        adapter = Adapter(SERVER, self.web)
        tokens, memory = logged_in(adapter)
        claims = id_token_of(tokens, self.web, memory['nonce'])
        with self.assertRaises(InvalidClaimError):
            id_token_of(tokens, self.web, 'another nonce')
        with self.assertRaises(JoseError):
            id_token_of(tokens, SERVER['applications']['spa'], memory['nonce'])
        head, body, _ = tokens['id_token'].split('.')
        with self.assertRaises(BadSignatureError):
            id_token_of({**tokens, 'id_token': f'{head}.{body}.{"A" * 342}'}, self.web, memory['nonce'])

        # Clocks that differ: the leeway is two minutes.
        id_token_of(tokens, self.web, memory['nonce'], now=claims['exp'] + 100)
        with self.assertRaises(ExpiredTokenError):
            id_token_of(tokens, self.web, memory['nonce'], now=claims['exp'] + 140)
        id_token_of(tokens, self.web, memory['nonce'], now=claims['iat'] - 100)
        with self.assertRaises(JoseError):
            id_token_of(tokens, self.web, memory['nonce'], now=claims['iat'] - 140)

    def test_the_client_on_httpx(self):
        adapter = Adapter(SERVER, self.web, kind=OAuth2Client, method='client_secret_basic')
        tokens, _ = logged_in(adapter)
        got = adapter.refresh(tokens['refresh_token'], audience=SECOND['audience'])
        serves(SCENE, got['access_token'], SECOND['audience'], SECOND['scope'])
        self.refused(lambda: adapter.refresh(got['refresh_token'], audience=OUTSIDE['audience']), 'invalid_target')
        who = adapter.session.get(METADATA['userinfo_endpoint']).json()
        self.assertEqual(who['email'], SERVER['user']['email'])
        adapter.session.close()
