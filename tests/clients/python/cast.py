"""The stage that judges/session.mjs has set, and what a judge adds to the cast of it."""

import json
import os
import secrets
from pathlib import Path

import requests

CONNECTION = 'Username-Password-Authentication'


def stage():
    """`server`, and `hasty`, whose codes expire after a second; `resourceServers` by audience."""
    path = os.environ.get('JUDGES_STAGE')
    if not path:
        raise RuntimeError('the judges are started by tests/clients/judges/run.mjs')
    return json.loads(Path(path).read_text())


def domain(server):
    """The issuer as the SDKs of Auth0 want to have it: host and port."""
    return server['issuer'].split('//')[1].rstrip('/')


def management(server, method, path, body=None):
    """Calls the Management API as the seeded machine client."""
    if 'token' not in server:
        answer = requests.post(f'{server["issuer"]}oauth/token', timeout=30, json={
            'grant_type': 'client_credentials', 'audience': f'{server["issuer"]}api/v2/',
            'client_id': server['management']['client_id'],
            'client_secret': server['management']['client_secret'],
        })
        server['token'] = answer.json()['access_token']
    headers = {'Authorization': f'Bearer {server["token"]}'}
    answer = requests.request(method, f'{server["issuer"]}api/v2/{path}', json=body, headers=headers, timeout=30)
    if not answer.ok:
        raise RuntimeError(f'{method} {path}: {answer.status_code} {answer.text}')
    return answer.json() if answer.text else None


def refresh_settings(server):
    """What the applications of the cast may ask for after the login: the first two APIs."""
    return {
        'rotation_type': 'rotating', 'expiration_type': 'expiring', 'leeway': 10,
        'policies': [{'audience': api['audience'], 'scope': api['scope'].split()} for api in server['apis'][:2]],
    }


def add_application(server, **more):
    """An application of one's own."""
    return management(server, 'POST', 'clients', {
        'name': 'Application', 'callbacks': [server['callback']],
        'grant_types': ['authorization_code', 'refresh_token'],
        'refresh_token': refresh_settings(server), **more,
    })


def add_user(server):
    """A person of one's own."""
    name = secrets.token_hex(6)
    user = {'email': f'{name}@example.com', 'password': f'a long password of {name}'}
    made = management(server, 'POST', 'users', {'connection': CONNECTION, **user})
    return {**user, 'user_id': made['user_id']}


def block(server, user):
    """Blocks a person."""
    path = f'users/{requests.utils.quote(user["user_id"], safe="")}'
    management(server, 'PATCH', path, {'blocked': True})


def serves(scene, token, audience, scope=''):
    """Asserts that this API takes the token, with these scopes, and that every other refuses it."""
    for name, url in scene['resourceServers'].items():
        answer = requests.get(url, headers={'Authorization': f'Bearer {token}'}, timeout=30)
        body = answer.json()
        if name == audience:
            assert answer.status_code == 200, body
            claims = body
        else:
            assert (answer.status_code, body['error']) == (401, 'invalid_token'), (name, body)
    granted = claims.get('scope', '').split()
    assert set(scope.split()) <= set(granted), (scope, granted)
    return claims
