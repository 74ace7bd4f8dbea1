"""The error path of an SDK for the code flow, the same for each: what goes wrong must arrive as the
error class that the SDK documents, with the code of the server in it.

A judge mixes `ErrorPaths` into a test case that has `scene` and makes adapters of its SDK:
`sdk(server, application)` → an object with
- `begin(audience, scope)` → `(url, memory)`, the authorize URL and what the SDK remembers;
- `redeem(callback, memory)` → the tokens; `verifier` and `redirect_uri` in `memory` may be replaced;
- `refresh(token, **more)` → the tokens; `more` has `audience`, unless `one_audience` is true;
- `revoke(token)`, if the SDK can; else the person who runs it does it by hand;
- `refusal(error)` → `(code, description or None, status or None)`; asserts the class.
"""

import time

import requests

from cast import add_user, block
from visitor import log_in

REFUSED_TOKEN = ('invalid_grant', 'Unknown or invalid refresh token.')
BAD_CODE = ('invalid_grant', 'Invalid authorization code')


class ErrorPaths:
    application = 'web'
    one_audience = False

    @property
    def server(self):
        return self.scene['server']

    @property
    def grant_status(self):
        """The status of a refused grant: Auth0's or the standard's."""
        return 403 if self.scene['errorStatus'] == 'auth0' else 400

    def sdk_for(self, on, **more):
        return self.sdk(on, {**on['applications'][self.application], **more})

    def begun(self, on=None, user=None):
        on = on or self.server
        first = on['apis'][0]
        adapter = self.sdk_for(on)
        url, memory = adapter.begin(first['audience'], f'openid offline_access {first["scope"]}')
        return adapter, memory, log_in(url, user or on['user'])

    def refused(self, adapter, attempt, code, description=None, status=None):
        try:
            got = attempt()
        except Exception as error:  # pylint: disable=broad-except
            seen = adapter.refusal(error)
        else:
            self.fail(f'it was not refused: {got}')
        self.assertEqual(seen[0], code, seen)
        if description and seen[1] is not None:
            self.assertEqual(seen[1], description)
        if seen[2] is not None:
            self.assertEqual(seen[2], status or self.grant_status, seen)

    def revoke(self, token):
        form = {**self.server['applications'][self.application], 'token': token}
        requests.post(f'{self.server["issuer"]}oauth/revoke', data=form, timeout=30).raise_for_status()

    def test_a_wrong_verifier_is_refused_and_costs_the_login_nothing(self):
        adapter, memory, callback = self.begun()
        wrong = {**memory, 'verifier': 'w' * 43}
        self.refused(adapter, lambda: adapter.redeem(callback, wrong),
                     'invalid_grant', 'Failed to verify code verifier')
        self.assertTrue(adapter.redeem(callback, memory)['access_token'])

    def test_a_wrong_redirect_uri_is_refused(self):
        adapter, memory, callback = self.begun()
        wrong = {**memory, 'redirect_uri': 'http://127.0.0.1:9/elsewhere'}
        self.refused(adapter, lambda: adapter.redeem(callback, wrong),
                     'invalid_grant', 'The redirect URI is wrong.')

    def test_a_code_used_before_is_refused_and_the_tokens_of_its_first_use_die(self):
        adapter, memory, callback = self.begun()
        tokens = adapter.redeem(callback, memory)
        self.refused(adapter, lambda: adapter.redeem(callback, memory), *BAD_CODE)
        self.refused(adapter, lambda: adapter.refresh(tokens['refresh_token']), *REFUSED_TOKEN)

    def test_an_expired_code_is_refused(self):
        adapter, memory, callback = self.begun(self.scene['hasty'])
        time.sleep(1.5)
        self.refused(adapter, lambda: adapter.redeem(callback, memory), *BAD_CODE)

    def test_an_audience_outside_the_policies_is_refused_and_the_refresh_token_lives_on(self):
        if self.one_audience:
            self.skipTest('the SDK sends no audience with a refresh token')
        adapter, memory, callback = self.begun()
        token = adapter.redeem(callback, memory)['refresh_token']
        for audience in [self.server['apis'][2]['audience'], 'https://nobody.example/']:
            self.refused(adapter, lambda a=audience: adapter.refresh(token, audience=a),
                         'invalid_target', status=400)
        self.assertTrue(adapter.refresh(token)['access_token'])

    def test_a_user_blocked_after_the_login_is_refused(self):
        user = add_user(self.server)
        adapter, memory, callback = self.begun(user=user)
        token = adapter.redeem(callback, memory)['refresh_token']
        block(self.server, user)
        code = 'unauthorized' if self.scene['errorStatus'] == 'auth0' else 'invalid_grant'
        self.refused(adapter, lambda: adapter.refresh(token), code, 'user is blocked')

    def test_a_revoked_refresh_token_is_refused(self):
        adapter, memory, callback = self.begun()
        token = adapter.redeem(callback, memory)['refresh_token']
        getattr(adapter, 'revoke', self.revoke)(token)
        self.refused(adapter, lambda: adapter.refresh(token), *REFUSED_TOKEN)

    def test_a_refresh_token_that_nobody_issued_is_refused(self):
        adapter = self.sdk_for(self.server)
        self.refused(adapter, lambda: adapter.refresh('v1.not-one-of-ours'), *REFUSED_TOKEN)

    def test_a_wrong_secret_is_refused(self):
        if 'client_secret' not in self.server['applications'][self.application]:
            self.skipTest('the application has no secret')
        adapter = self.sdk_for(self.server, client_secret='not the secret')
        code = 'access_denied' if self.scene['errorStatus'] == 'auth0' else 'invalid_client'
        self.refused(adapter, lambda: adapter.refresh('v1.not-one-of-ours'), code, status=401)
