"""The management part of auth0-python 6, and which operations of the server it has called with success."""

import json
import re
import secrets
import time
import unittest

import httpx
import requests
from auth0.authentication import GetToken
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError

from cast import CONNECTION, domain, new_address, stage

SCENE = stage()
SERVER = SCENE['server']
WEB = SERVER['applications']['web']
HTTPS_ONLY = unittest.skipUnless(SCENE['transport'] == 'https', 'the SDK speaks https only')
# The SDK asks again after a conflict, too.
ONCE = {'max_retries': 0}

# What the SDK has no method for, as it is an extension of this server.
WITHOUT_A_METHOD = {
    ('POST', '/refresh-tokens/explain'), ('GET', '/refresh-token-families/{id}'),
    ('GET', '/users/{id}/refresh-token-families'), ('GET', '/resource-servers/{id}/usage'),
    ('GET', '/actions/actions/{id}/executions'), ('POST', '/actions/check'),
    ('GET', '/actions/triggers/{id}/sample-events'),
    ('GET', '/stats/activity'), ('GET', '/stats/totals'), ('GET', '/stats/attention'), ('GET', '/logs/types'),
}
# What is answered 404, as this server blocks no address for long.
WITHOUT_SUCCESS = {('GET', '/anomaly/blocks/ips/{id}')}


class Calls:
    """Remembers what was answered with success."""

    def __init__(self, server):
        self.prefix = f'{server["issuer"]}api/v2'
        paths = requests.get(f'{self.prefix}/openapi.json', timeout=30).json()['paths']
        self.operations = {(method.upper(), path) for path, methods in paths.items()
                           for method in methods if method != 'parameters'}
        self.answered = set()

    def hear(self, response):
        """An event hook of httpx."""
        url = str(response.request.url).split('?')[0]
        if response.is_success and '/api/v2/' in url:
            self.answered.add((response.request.method, url.split('/api/v2')[1]))
        # The other judges are the same client to the server, which counts.
        if int(response.headers.get('x-ratelimit-remaining', 500)) < 100:
            time.sleep(1)

    def missing(self):
        """The operations that were not called, but could have been."""
        # A path that is spelled out goes before one with ids.
        patterns = sorted(self.operations, key=lambda operation: operation[1].count('{'))
        patterns = [(method, path, re.compile(re.sub(r'\{[^}]*\}', '[^/]+', path))) for method, path in patterns]
        called = set()
        for method, path in self.answered:
            called.add(next((m, p) for m, p, pattern in patterns if m == method and pattern.fullmatch(path)))
        return sorted(self.operations - called - WITHOUT_A_METHOD - WITHOUT_SUCCESS)


def manager(server, machine, calls=None):
    """The SDK as it comes, logged in as a machine; `calls` listens."""
    hooks = {'response': [calls.hear]} if calls else {}
    return ManagementClient(domain=domain(server), client_id=machine['client_id'],
                            client_secret=machine['client_secret'],
                            httpx_client=httpx.Client(timeout=60, event_hooks=hooks))


def every(pager):
    """All items of all pages: as many as the pages say."""
    items = [item for page in pager.iter_pages() for item in page.items or []]
    total = getattr(pager.response, 'total', None)
    assert total in (None, len(items)), (total, len(items))
    return items


def log_in_with_password(server, email, password, **more):
    """The tokens of the password grant."""
    web = server['applications']['web']
    tokens = GetToken(domain(server), web['client_id'], web['client_secret'])
    return tokens.login(email, password, 'openid offline_access', **{'realm': None, 'audience': None, **more})


def fresh(kind):
    """A name that nothing has yet."""
    return f'{kind}-{secrets.token_hex(5)}'


CALLS = Calls(SERVER) if SCENE['transport'] == 'https' else None
SDK = manager(SERVER, SERVER['management'], CALLS) if CALLS else None


def dump(model):
    """What the SDK has read, as it would be written."""
    return json.loads(model.json())


def finished(job):
    """The job when it is done."""
    for _ in range(600):
        got = SDK.jobs.get(job.id)
        if got.status not in ('pending', 'processing'):
            return got
        time.sleep(0.1)
    raise AssertionError(f'{job.id} does not end')


@HTTPS_ONLY
class Case(unittest.TestCase):
    """Makes things and takes them away again."""

    def made(self, resource, **members):
        thing = resource.create(**members)
        self.addCleanup(self.without, resource, thing)
        return thing

    @staticmethod
    def without(resource, thing):
        name = next(n for n in ('client_id', 'user_id', 'id') if getattr(thing, n, None) and (
            n != 'client_id' or resource is SDK.clients))
        try:
            resource.delete(getattr(thing, name))
        except ApiError as error:
            assert error.status_code == 404, error

    def refused(self, status, code, attempt, *args, **more):
        with self.assertRaises(ApiError) as caught:
            attempt(*args, request_options=ONCE, **more)
        body = caught.exception.body
        self.assertEqual((caught.exception.status_code, body['statusCode']), (status, status))
        self.assertEqual(body.get('errorCode'), code, body)
        self.assertTrue(body['error'] and body['message'], body)
        return body

    def user(self, **more):
        email = new_address()
        password = fresh('a long password')
        user = self.made(SDK.users, connection=CONNECTION, email=email, password=password, **more)
        self.assertEqual(user.email, email)
        return user.user_id, email, password

    def client(self, **more):
        return self.made(SDK.clients, name=fresh('client'), **more)

    def api(self, scopes=(), **more):
        return self.made(SDK.resource_servers, identifier=f'https://{fresh("api")}.example/a/b c/',
                         scopes=[{'value': scope} for scope in scopes], **more)
