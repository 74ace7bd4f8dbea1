"""auth0-python 6, its authentication part."""

import time
import unittest
from unittest import mock
from urllib.parse import urlencode

import jwt
from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from auth0.authentication import Database, GetToken, Passwordless, RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.exceptions import TokenValidationError
from auth0.authentication.pushed_authorization_requests import PushedAuthorizationRequests
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier

from cast import (CONNECTION, add_keyed_application, add_passwordless_application, add_user, block,
                  code_mailed_to, domain, key_pair, mailed_to, new_address, serves, stage)
from error_paths import ErrorPaths
from visitor import log_in, parameters

SCENE = stage()
SERVER = SCENE['server']
FIRST, SECOND, OUTSIDE = SERVER['apis']
SCOPE = f'openid profile email offline_access {FIRST["scope"]}'


def made(kind, application, on=SERVER, **more):
    """A class of the SDK for an application. It speaks https unless told."""
    return kind(domain(on), application['client_id'], application.get('client_secret'),
                protocol=SCENE['transport'], **more)


def authorize_url(application, on=SERVER, **more):
    """This SDK builds no authorize URL."""
    query = {'response_type': 'code', 'client_id': application['client_id'], 'redirect_uri': on['callback'],
             'audience': FIRST['audience'], 'scope': SCOPE, 'state': 'a b+c/d=', **more}
    return f'{on["issuer"]}authorize?{urlencode(query)}'


def code_of(callback):
    return parameters(callback)['code']


def logged_in(application, user=None):
    """Through the pages, with a secret and without PKCE."""
    callback = log_in(authorize_url(application), user or SERVER['user'])
    assert parameters(callback)['state'] == 'a b+c/d='
    return made(GetToken, application).authorization_code(code_of(callback), SERVER['callback'])


def verifier(client_id, **more):
    keys = AsymmetricSignatureVerifier(f'{SERVER["issuer"]}.well-known/jwks.json')
    return TokenVerifier(keys, issuer=SERVER['issuer'], audience=client_id, **more)


class Adapter:
    """The calls of a public client: the SDK sends no secret together with a verifier."""

    def __init__(self, on, application):
        self.on, self.application = on, application
        self.tokens = made(GetToken, application, on)

    def begin(self, audience, scope):
        secret = generate_token(48)
        url = authorize_url(self.application, self.on, audience=audience, scope=scope,
                            code_challenge=create_s256_code_challenge(secret), code_challenge_method='S256')
        return url, {'verifier': secret, 'redirect_uri': self.on['callback']}

    def redeem(self, callback, memory):
        return self.tokens.authorization_code_pkce(memory['verifier'], code_of(callback), memory['redirect_uri'])

    def refresh(self, token):
        return self.tokens.refresh_token(token)

    def revoke(self, token):
        return made(RevokeToken, self.application, self.on).revoke_refresh_token(token)

    @staticmethod
    def refusal(error):
        assert isinstance(error, Auth0Error), repr(error)
        return error.error_code, error.message, error.status_code


class Auth0PythonErrors(ErrorPaths, unittest.TestCase):
    """auth0-python: what is refused"""

    scene, sdk, application, one_audience = SCENE, Adapter, 'native', True


class Auth0Python(unittest.TestCase):
    """auth0-python"""

    web = SERVER['applications']['web']
    auth0_statuses = SCENE['errorStatus'] == 'auth0'

    def refused(self, attempt, status, code, message=None):
        with self.assertRaises(Auth0Error) as caught:
            attempt()
        self.assertEqual((caught.exception.status_code, caught.exception.error_code), (status, code))
        if message:
            self.assertEqual(caught.exception.message, message)

    @property
    def grant_status(self):
        return 403 if self.auth0_statuses else 400

    @property
    def unauthenticated(self):
        return (401, 'access_denied' if self.auth0_statuses else 'invalid_client')

    def test_the_code_flow_of_an_application_with_a_secret(self):
        tokens = logged_in(self.web)
        self.assertEqual(tokens['token_type'], 'Bearer')
        self.assertIsInstance(tokens['expires_in'], int)
        serves(SCENE, tokens['access_token'], FIRST['audience'], FIRST['scope'])

    def test_a_refresh_with_an_empty_scope_is_one_without(self):
        tokens = logged_in(self.web)
        again = made(GetToken, self.web).refresh_token(tokens['refresh_token'])
        self.assertNotEqual(again['refresh_token'], tokens['refresh_token'])
        self.assertLessEqual(set(SCOPE.split()), set(again['scope'].split()))
        serves(SCENE, again['access_token'], FIRST['audience'], FIRST['scope'])
        narrow = made(GetToken, self.web).refresh_token(again['refresh_token'], scope='openid read:a')
        self.assertEqual(narrow['scope'], 'openid read:a')

    def test_a_secret_that_is_wrong(self):
        impostor = {**self.web, 'client_secret': 'not the secret'}
        code = code_of(log_in(authorize_url(self.web), SERVER['user']))
        self.refused(lambda: made(GetToken, impostor).authorization_code(code, SERVER['callback']), *self.unauthenticated)
        self.assertIn('id_token', made(GetToken, self.web).authorization_code(code, SERVER['callback']))

    def test_client_credentials(self):
        machine = made(GetToken, SERVER['applications']['machine'])
        tokens = machine.client_credentials(FIRST['audience'])
        self.assertNotIn('refresh_token', tokens)
        serves(SCENE, tokens['access_token'], FIRST['audience'], 'read:a')
        for audience in [SECOND['audience'], 'https://nobody.example/']:
            self.refused(lambda a=audience: machine.client_credentials(a), 403, 'access_denied')

    def test_the_password_grant_with_a_realm_and_the_address_of_the_person(self):
        tokens = made(GetToken, self.web)
        user = SERVER['user']

        def login(password=user['password'], **more):
            return tokens.login(user['email'], password, scope=SCOPE, forwarded_for='203.0.113.7',
                                **{'audience': FIRST['audience'], 'realm': CONNECTION, **more})
        got = login()
        self.assertIn('id_token', got)
        serves(SCENE, got['access_token'], FIRST['audience'], FIRST['scope'])
        self.assertIn('id_token', tokens.refresh_token(got['refresh_token']))
        wrong = (self.grant_status, 'invalid_grant', 'Wrong email or password.')
        self.refused(lambda: login('wrong'), *wrong)
        stranger = ('nobody@example.com', 'wrong')
        self.refused(lambda: tokens.login(*stranger, scope=SCOPE, audience=FIRST['audience'], realm=CONNECTION), *wrong)
        self.assertIn('id_token', login(realm=None))
        self.refused(lambda: login(audience='https://nobody.example/'), 403, 'access_denied')

    def test_a_blocked_user_has_no_password(self):
        user = add_user(SERVER)
        block(SERVER, user)
        code = 'unauthorized' if self.auth0_statuses else 'invalid_grant'
        self.refused(lambda: made(GetToken, self.web).login(
            user['email'], user['password'], scope=SCOPE, realm=CONNECTION, audience=FIRST['audience'],
        ), self.grant_status, code, 'user is blocked')

    def test_revocation(self):
        tokens = logged_in(self.web)
        self.assertEqual(made(RevokeToken, self.web).revoke_refresh_token(tokens['refresh_token']), '')
        self.refused(lambda: made(GetToken, self.web).refresh_token(tokens['refresh_token']),
                     self.grant_status, 'invalid_grant', 'Unknown or invalid refresh token.')
        impostor = {**self.web, 'client_secret': 'not the secret'}
        self.refused(lambda: made(RevokeToken, impostor).revoke_refresh_token('v1.any'), *self.unauthenticated)

    def test_userinfo(self):
        tokens = logged_in(self.web)
        users = Users(domain(SERVER), protocol=SCENE['transport'])
        got = users.userinfo(tokens['access_token'])
        self.assertEqual(got['email'], SERVER['user']['email'])
        self.assertEqual(got['sub'], SERVER['user']['user_id'])
        with self.assertRaises(Auth0Error) as caught:
            users.userinfo('not a token')
        self.assertEqual(caught.exception.status_code, 401)

    def test_signup_and_a_new_password_by_mail(self):
        database = made(Database, self.web)
        email = new_address()
        got = database.signup(email, 'a long password of hers', CONNECTION, user_metadata={'plan': 'silver'})
        self.assertEqual((got['email'], got['email_verified']), (email, False))
        self.assertRegex(got['_id'], '^[0-9a-f]{24}$')
        self.assertIn('id_token', logged_in(self.web, {'email': email, 'password': 'a long password of hers'}))
        with self.assertRaises(Auth0Error) as caught:
            database.signup(email, 'a long password of hers', CONNECTION)
        self.assertEqual(caught.exception.status_code, 400)
        self.refused(lambda: database.signup(f'x{email}', 'short', CONNECTION), 400, 'invalid_password')

        sent = "We've just sent you an email to reset your password."
        self.assertEqual(database.change_password(email, CONNECTION), sent)
        self.assertIn(SERVER['issuer'], mailed_to(SERVER, email))
        self.assertEqual(database.change_password('nobody@example.com', CONNECTION), sent)

    def test_a_one_time_code_by_mail(self):
        application, email = add_passwordless_application(SERVER), new_address()
        started = made(Passwordless, application).email(email, send='code')
        self.assertEqual(started['email'], email)
        code, another = code_mailed_to(SERVER, email)
        tokens = made(GetToken, application)

        def login(otp):
            return tokens.passwordless_login(email, otp, 'email', SCOPE, FIRST['audience'])
        wrong = (self.grant_status, 'invalid_grant', 'Wrong email or verification code.')
        self.refused(lambda: login(another), *wrong)
        got = login(code)
        serves(SCENE, got['access_token'], FIRST['audience'], FIRST['scope'])
        self.assertIn('id_token', tokens.refresh_token(got['refresh_token']))
        self.refused(lambda: login(code), *wrong)
        self.refused(lambda: made(Passwordless, application).sms('+15555550123'), 400, 'bad.connection')

    def test_a_pushed_authorization_request(self):
        pushing = made(PushedAuthorizationRequests, self.web)
        got = pushing.pushed_authorization_request(
            'code', SERVER['callback'], scope=SCOPE, audience=FIRST['audience'])
        self.assertIsInstance(got['expires_in'], int)
        query = urlencode({'client_id': self.web['client_id'], 'request_uri': got['request_uri']})
        callback = log_in(f'{SERVER["issuer"]}authorize?{query}', SERVER['user'])
        tokens = made(GetToken, self.web).authorization_code(code_of(callback), SERVER['callback'])
        serves(SCENE, tokens['access_token'], FIRST['audience'], FIRST['scope'])
        with self.assertRaises(Auth0Error) as caught:
            pushing.pushed_authorization_request('code', 'https://elsewhere.example/', scope='openid')
        self.assertEqual(caught.exception.status_code, 400)

    @unittest.skipIf(SCENE['transport'] == 'http', 'the SDK signs for https://, whatever it speaks')
    def test_a_key_instead_of_a_secret(self):
        keyed, private = add_keyed_application(SERVER)
        callback = log_in(authorize_url(keyed), SERVER['user'])
        tokens = made(GetToken, keyed, client_assertion_signing_key=private)
        got = tokens.authorization_code(code_of(callback), SERVER['callback'])
        got = tokens.refresh_token(got['refresh_token'])
        serves(SCENE, got['access_token'], FIRST['audience'], FIRST['scope'])
        revoking = made(RevokeToken, keyed, client_assertion_signing_key=private)
        self.assertEqual(revoking.revoke_refresh_token(got['refresh_token']), '')

        impostor = made(GetToken, keyed, client_assertion_signing_key=key_pair()[0])
        self.refused(lambda: impostor.refresh_token('v1.any'), *self.unauthenticated)
        with_secret = made(GetToken, {**keyed, 'client_secret': 'a secret'})
        self.refused(lambda: with_secret.refresh_token('v1.any'), *self.unauthenticated)

    def test_the_verifier_of_id_tokens(self):
        callback = log_in(authorize_url(self.web, nonce='a nonce'), SERVER['user'])
        tokens = made(GetToken, self.web).authorization_code(code_of(callback), SERVER['callback'])
        claims = verifier(self.web['client_id']).verify(tokens['id_token'], nonce='a nonce', max_age=3600)
        self.assertEqual(claims['sub'], SERVER['user']['user_id'])
        self.assertEqual(claims['email'], SERVER['user']['email'])
        with self.assertRaisesRegex(TokenValidationError, r'Nonce \(nonce\) claim mismatch'):
            verifier(self.web['client_id']).verify(tokens['id_token'], nonce='another')
        with self.assertRaisesRegex(TokenValidationError, r'Audience \(aud\) claim mismatch'):
            verifier('another').verify(tokens['id_token'])
        head, body, signature = tokens['id_token'].split('.')
        forged = '.'.join([head, body, signature[:-8] + ('A' * 8 if signature[-8:] != 'A' * 8 else 'B' * 8)])
        with self.assertRaisesRegex(TokenValidationError, 'Invalid token signature'):
            verifier(self.web['client_id']).verify(forged)
        again = made(GetToken, self.web).refresh_token(tokens['refresh_token'])
        self.assertNotIn('nonce', verifier(self.web['client_id']).verify(again['id_token']))

    def test_clocks_that_differ(self):
        tokens = logged_in(self.web)
        claims = jwt.decode(tokens['id_token'], options={'verify_signature': False})
        cases = [(59, True), (61, False)]
        for late, is_good in cases:
            judge = verifier(self.web['client_id'], leeway=60)
            now = mock.patch('auth0.authentication.token_verifier.time.time', return_value=claims['exp'] + late)
            with now:
                if is_good:
                    judge.verify(tokens['id_token'])
                    continue
                with self.assertRaisesRegex(TokenValidationError, r'Expiration Time \(exp\) claim error'):
                    judge.verify(tokens['id_token'])
        behind = mock.patch('auth0.authentication.token_verifier.time.time', return_value=time.time() - 3600)
        with behind:
            verifier(self.web['client_id']).verify(tokens['id_token'])
