"""Authlib, the library for standards: its client on requests, once on httpx, and its ID tokens."""

import time
import unittest

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.errors import MismatchingStateException
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, JoseError
from joserfc.jwk import KeySet

from cast import add_api, add_application, add_keyed_application, key_pair, refresh_settings, serves, stage
from error_paths import ErrorPaths
from visitor import activate, log_in, parameters

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


def asserting(adapter, kind, lifetime=60):
    """Prepares the next request. The assertions of Authlib live for an hour unless told; Doorward
    takes five minutes at most."""
    adapter.session.register_client_auth_method(
        kind(METADATA['token_endpoint'], claims={'exp': int(time.time()) + lifetime}))
    return adapter


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

    def test_a_key_instead_of_a_secret(self):
        application, private = add_keyed_application(SERVER)
        adapter = Adapter(SERVER, {**application, 'client_secret': private}, method='private_key_jwt')
        impostor = Adapter(SERVER, {**application, 'client_secret': key_pair()[0]}, method='private_key_jwt')
        tokens, _ = logged_in(asserting(adapter, PrivateKeyJWT))
        got = asserting(adapter, PrivateKeyJWT).refresh(tokens['refresh_token'], audience=SECOND['audience'])
        serves(SCENE, got['access_token'], SECOND['audience'], SECOND['scope'])
        self.assertTrue(asserting(adapter, PrivateKeyJWT).introspect(got['refresh_token'])['active'])
        code = 'access_denied' if SCENE['errorStatus'] == 'auth0' else 'invalid_client'
        self.refused(lambda: asserting(impostor, PrivateKeyJWT).refresh(got['refresh_token']), code)
        self.refused(lambda: asserting(adapter, PrivateKeyJWT, lifetime=3600).refresh(got['refresh_token']), code)
        # The claims that were given are the claims of every assertion, its name included.
        self.assertTrue(asserting(adapter, PrivateKeyJWT).introspect(got['refresh_token'])['active'])
        self.refused(lambda: adapter.refresh(got['refresh_token']), code)
        asserting(adapter, PrivateKeyJWT).revoke(got['refresh_token'])
        self.refused(lambda: asserting(adapter, PrivateKeyJWT).refresh(got['refresh_token']), 'invalid_grant')

    def test_a_secret_that_is_not_sent(self):
        adapter = Adapter(SERVER, self.web, method='client_secret_jwt')
        tokens, _ = logged_in(asserting(adapter, ClientSecretJWT))
        got = asserting(adapter, ClientSecretJWT).refresh(tokens['refresh_token'], audience=SECOND['audience'])
        serves(SCENE, got['access_token'], SECOND['audience'], SECOND['scope'])

    def test_a_device(self):
        grant = 'urn:ietf:params:oauth:grant-type:device_code'
        application = add_application(
            SERVER, app_type='native', token_endpoint_auth_method='none', grant_types=[grant, 'refresh_token'],
            refresh_token=refresh_settings(SERVER))
        for action, error in [('confirm', None), ('decline', 'access_denied')]:
            adapter = Adapter(SERVER, application)
            asked = {'client_id': application['client_id'], 'audience': FIRST['audience'], 'scope': SCOPE}
            codes = requests.post(METADATA['device_authorization_endpoint'], asked, timeout=30).json()

            def poll(adapter=adapter, codes=codes):
                return adapter.session.fetch_token(grant_type=grant, device_code=codes['device_code'])
            self.refused(poll, 'authorization_pending')
            self.refused(poll, 'slow_down')
            page = activate(codes['verification_uri_complete'], SERVER['user'], action)
            self.assertEqual(page.status_code, 200, page.text)
            if error:
                self.refused(poll, error)
                continue
            got = adapter.refresh(poll()['refresh_token'], audience=SECOND['audience'])
            serves(SCENE, got['access_token'], SECOND['audience'], SECOND['scope'])

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

    def test_apis_whose_tokens_are_signed_in_other_ways(self):
        # On the other server: a set with keys of other kinds than RSA is more than some SDKs read.
        other = SCENE['hasty']
        for alg in ['RS256', 'RS512', 'PS256', 'ES256', 'EdDSA']:
            api, machine = add_api(other, alg)
            session = client(machine, on=other)
            token = session.fetch_token(grant_type='client_credentials', audience=api['identifier'])
            keys = KeySet.import_key_set(requests.get(session.metadata['jwks_uri'], timeout=30).json())
            claims = jwt.decode(token['access_token'], keys, algorithms=[alg]).claims
            self.assertEqual((claims['aud'], claims['scope']), (api['identifier'], 'read:it'), alg)

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
