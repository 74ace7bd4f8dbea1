"""The quick start of the README for Python, run as it stands but for the server and the client."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from cast import add_application, stage
from visitor import log_in

SERVER = stage()['server']
SCRIPT = Path(__file__).parent.parent / 'quickstarts' / 'python.py'
CALLBACK = 'http://127.0.0.1:5000/callback'
# The APIs of `doorward quickstart`.
APIS = {'https://orders.example/': 'read:orders', 'https://billing.example/': 'read:invoices'}


class QuickStart(unittest.TestCase):
    """The quick start for Python"""

    def test_one_login_and_a_token_for_two_apis(self):
        source = SCRIPT.read_text()
        code = [line for line in source.splitlines() if line and not line.startswith(('from ', 'import ', '#'))]
        self.assertLessEqual(len(code), 10)
        application = add_application(
            SERVER, app_type='native', token_endpoint_auth_method='none', callbacks=[CALLBACK],
            refresh_token={'rotation_type': 'rotating', 'expiration_type': 'expiring', 'policies': [
                {'audience': audience, 'scope': [scope]} for audience, scope in APIS.items()]})
        source = source.replace('http://127.0.0.1:8484', SERVER['issuer'].rstrip('/'))
        source = source.replace('YOUR_CLIENT_ID', application['client_id'])
        self.assertIn(CALLBACK, source)

        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / 'quickstart.py'
            script.write_text(source)
            with subprocess.Popen([sys.executable, script], text=True, env=os.environ, cwd=folder,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
                said, url = running.stdout.readline().split()
                self.assertEqual(said, 'Open')
                callback = log_in(url, SERVER['user'])
                self.assertTrue(callback.startswith(f'{CALLBACK}?'), callback)
                printed, complaints = running.communicate(f'{callback}\n', timeout=60)
            self.assertEqual((running.returncode, complaints), (0, ''))

        tokens = [line for line in printed.splitlines() if line.startswith('ey')]
        self.assertEqual(len(tokens), 2, printed)
        keys = KeySet.import_key_set(requests.get(f'{SERVER["issuer"]}.well-known/jwks.json', timeout=30).json())
        for token, (audience, scope) in zip(tokens, APIS.items()):
            claims = jwt.decode(token, keys, algorithms=['RS256']).claims
            self.assertIn(audience, claims['aud'])
            self.assertEqual(claims['scope'], f'openid offline_access {scope}')
