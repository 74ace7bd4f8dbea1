"""adal, the library for Azure AD v1, whose multi-resource refresh tokens Doorward issues. It speaks
https only."""

import re
import unittest
from urllib.parse import urlencode

import jwt
from adal import AdalError, AuthenticationContext
from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from cast import add_user, block, serves, stage
from error_paths import ErrorPaths
from visitor import log_in, parameters

SCENE = stage()
SERVER = SCENE['server']
FIRST, SECOND, OUTSIDE = SERVER['apis']
TENANT = 'contoso.onmicrosoft.com'


def context(on=SERVER):
    return AuthenticationContext(f'{on["issuer"]}{TENANT}', validate_authority=False)


def claims_of(token):
    return jwt.decode(token, options={'verify_signature': False})


class Adapter:
    """Without a cache: the calls that take a code and a refresh token."""

    def __init__(self, on, application):
        self.on, self.application = on, application
        self.client_id, self.secret = application['client_id'], application.get('client_secret')
        self.context = context(on)

    def begin(self, audience, scope=None):
        """The URL as the samples of adal build it. It sends no scope."""
        memory = {'verifier': generate_token(48), 'resource': audience, 'redirect_uri': self.on['callback']}
        query = urlencode({
            'response_type': 'code', 'client_id': self.client_id, 'resource': audience, 'state': 'a state',
            'redirect_uri': self.on['callback'], 'code_challenge_method': 'S256',
            'code_challenge': create_s256_code_challenge(memory['verifier']),
        })
        return f'{self.on["issuer"]}{TENANT}/oauth2/authorize?{query}', memory

    def redeem(self, callback, memory):
        return camel(self.context.acquire_token_with_authorization_code(
            parameters(callback)['code'], memory['redirect_uri'], memory['resource'],
            self.client_id, self.secret, memory['verifier']))

    def refresh(self, token, audience=None):
        return camel(self.context.acquire_token_with_refresh_token(
            token, self.client_id, audience or FIRST['audience'], self.secret))

    @staticmethod
    def refusal(error):
        assert isinstance(error, AdalError), repr(error)
        status = int(re.search(r'http error: (\d+)', str(error))[1])
        return error.error_response['error'], error.error_response['error_description'], status


def camel(tokens):
    """The names of the standard beside those of adal."""
    return {**tokens, 'access_token': tokens['accessToken'], 'refresh_token': tokens['refreshToken']}


@unittest.skipUnless(SCENE['transport'] == 'https', 'adal speaks https only')
class AdalErrors(ErrorPaths, unittest.TestCase):
    """adal: what is refused"""

    scene, sdk = SCENE, Adapter


@unittest.skipUnless(SCENE['transport'] == 'https', 'adal speaks https only')
class Adal(unittest.TestCase):
    """adal"""

    client_id = SERVER['applications']['native']['client_id']

    def logged_in(self, user=SERVER['user']):
        adapter = Adapter(SERVER, SERVER['applications']['native'])
        url, memory = adapter.begin(FIRST['audience'])
        callback = log_in(url, user)
        self.assertEqual(parameters(callback)['state'], 'a state')
        return adapter.context, adapter.redeem(callback, memory)

    def entries(self, azure):
        """What is in the cache, by resource."""
        found = azure.cache.find({'_clientId': self.client_id})
        return {entry['resource']: entry for entry in found}

    def test_one_login_and_a_token_for_the_second_resource_without_a_prompt(self):
        azure, first = self.logged_in()
        email = SERVER['user']['email']
        self.assertEqual(first['resource'], FIRST['audience'])
        self.assertIs(first['isMRRT'], True)
        self.assertEqual(first['userId'], email)
        serves(SCENE, first['accessToken'], FIRST['audience'], FIRST['scope'])

        second = azure.acquire_token(SECOND['audience'], email, self.client_id)
        self.assertEqual(second['resource'], SECOND['audience'])
        self.assertIn(SECOND['audience'], claims_of(second['accessToken'])['aud'])
        self.assertNotIn(FIRST['audience'], claims_of(second['accessToken'])['aud'])
        serves(SCENE, second['accessToken'], SECOND['audience'], SECOND['scope'])

        cached = self.entries(azure)
        self.assertEqual(set(cached), {FIRST['audience'], SECOND['audience']})
        self.assertNotEqual(second['refreshToken'], first['refresh_token'])
        for resource, entry in cached.items():
            self.assertIs(entry['isMRRT'], True, resource)
            self.assertEqual(entry['refreshToken'], second['refreshToken'], resource)
        self.assertEqual(cached[FIRST['audience']]['accessToken'], first['accessToken'])

        # From the cache from now on.
        self.assertEqual(azure.acquire_token(SECOND['audience'], email, self.client_id)['accessToken'],
                         second['accessToken'])
        self.assertEqual(azure.acquire_token(FIRST['audience'], email, self.client_id)['accessToken'],
                         first['accessToken'])

    def test_an_entry_that_is_about_to_expire_is_renewed(self):
        azure, first = self.logged_in()
        entry = self.entries(azure)[FIRST['audience']]
        azure.cache.remove([entry])
        azure.cache.add([{**entry, 'expiresOn': '2020-01-01 00:00:00.000000'}])
        renewed = azure.acquire_token(FIRST['audience'], SERVER['user']['email'], self.client_id)
        self.assertNotEqual(renewed['refreshToken'], first['refresh_token'])
        self.assertIs(renewed['isMRRT'], True)
        serves(SCENE, renewed['accessToken'], FIRST['audience'], FIRST['scope'])

    def test_a_resource_outside_the_policies_costs_nothing(self):
        azure, _ = self.logged_in()
        email = SERVER['user']['email']
        for resource in [OUTSIDE['audience'], 'https://nobody.example/']:
            with self.assertRaises(AdalError) as caught:
                azure.acquire_token(resource, email, self.client_id)
            self.assertEqual(caught.exception.error_response['error'], 'invalid_target')
        serves(SCENE, azure.acquire_token(SECOND['audience'], email, self.client_id)['accessToken'],
               SECOND['audience'], SECOND['scope'])

    def test_a_blocked_user_gets_no_second_resource(self):
        user = add_user(SERVER)
        azure, _ = self.logged_in(user)
        block(SERVER, user)
        with self.assertRaises(AdalError) as caught:
            azure.acquire_token(SECOND['audience'], user['email'], self.client_id)
        self.assertEqual(caught.exception.error_response['error_description'], 'user is blocked')

    def test_a_second_resource_for_an_application_with_a_secret(self):
        adapter = Adapter(SERVER, SERVER['applications']['web'])
        url, memory = adapter.begin(FIRST['audience'])
        first = adapter.redeem(log_in(url, SERVER['user']), memory)
        second = adapter.refresh(first['refresh_token'], SECOND['audience'])
        self.assertEqual(second['resource'], SECOND['audience'])
        serves(SCENE, second['accessToken'], SECOND['audience'], SECOND['scope'])

    def test_a_login_for_an_unknown_resource(self):
        adapter = Adapter(SERVER, SERVER['applications']['native'])
        url, _ = adapter.begin('https://nobody.example/')
        self.assertEqual(parameters(log_in(url, SERVER['user']))['error'], 'access_denied')

    def test_client_credentials(self):
        machine = SERVER['applications']['machine']
        got = context().acquire_token_with_client_credentials(
            FIRST['audience'], machine['client_id'], machine['client_secret'])
        self.assertNotIn('refreshToken', got)
        serves(SCENE, got['accessToken'], FIRST['audience'], 'read:a')
        with self.assertRaises(AdalError) as caught:
            context().acquire_token_with_client_credentials(
                SECOND['audience'], machine['client_id'], machine['client_secret'])
        self.assertEqual(caught.exception.error_response['error'], 'access_denied')
