"""The stage that judges/session.mjs has set, and what a judge adds to the cast of it."""

import json
import os
import secrets
import time
from email import message_from_bytes, policy
from pathlib import Path

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

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


def key_pair():
    """A private and a public key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public.decode()


def add_keyed_application(server):
    """An application that proves itself with a key: the application, without its secret, and the key."""
    private, public = key_pair()
    path = f'clients/{add_application(server, app_type="regular_web")["client_id"]}'
    credential = management(server, 'POST', f'{path}/credentials', {
        'credential_type': 'public_key', 'name': 'key', 'alg': 'RS256', 'pem': public})
    changed = management(server, 'PATCH', path, {
        'token_endpoint_auth_method': None,
        'client_authentication_methods': {'private_key_jwt': {'credentials': [{'id': credential['id']}]}},
    })
    return {'client_id': changed['client_id']}, private


def add_passwordless_application(server):
    """An application whose people log in with one-time codes."""
    return add_application(
        server, token_endpoint_auth_method='client_secret_post', app_type='regular_web',
        grant_types=['http://auth0.com/oauth/grant-type/passwordless/otp', 'refresh_token', 'authorization_code'])


def mailed_to(server, address):
    """The text of the message to an address. It is written after the answer."""
    for _ in range(200):
        for file in (Path(server['folder']) / 'outbox').glob('*.eml'):
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            if mail['To'] == address:
                return mail.get_body(('plain',)).get_content()
        time.sleep(0.05)
    raise AssertionError(f'no message to {address}')


def code_mailed_to(server, address):
    """The one-time code in the message to an address, and another than this."""
    lines = mailed_to(server, address).splitlines()
    code = next(line for line in lines if len(line) == 6 and line.isdigit())
    return code, f'{(int(code) + 1) % 1_000_000:06}'


def new_address():
    """An e-mail address that nobody has yet."""
    return f'{secrets.token_hex(8)}@example.com'


def add_user(server):
    """A person of one's own."""
    email = new_address()
    user = {'email': email, 'password': f'a long password of {email.split("@")[0]}'}
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
