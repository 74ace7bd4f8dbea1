"""auth0-python 6: Actions, their versions, where they run, and what came of it. Rules."""

import time

import requests
from auth0.authentication import GetToken
from auth0.management.types import (ActionBindingRef, ActionBindingWithRef, ActionSecretRequest, ActionTrigger,
                                    DeployActionVersionRequestContent)

from auth0_management import SDK, SERVER, Case, dump, every, fresh, log_in_with_password
from cast import domain

# The other judges log in meanwhile: it does nothing to anybody but Ada.
CODE = """exports.onExecutePostLogin = async (event, api) => {
  if (event.user?.name !== 'Ada of the judge') return;
  console.log('hello', event.user.name);
  api.accessToken.setCustomClaim('https://judge.example/key', event.secrets.KEY);
};"""
LOGIN = [ActionTrigger(id='post-login', version='v3')]


class Actions(Case):
    """The code of the operator"""

    def action(self, **more):
        members = {'name': fresh('action'), 'supported_triggers': LOGIN, 'code': CODE, **more}
        action = SDK.actions.create(**members)
        self.addCleanup(lambda: SDK.actions.delete(action.id, force=True))
        self.assertEqual((action.name, action.status, action.runtime), (members['name'], 'built', 'node22'))
        return action

    def test_versions_come_and_go(self):
        action = self.action(secrets=[ActionSecretRequest(name='KEY', value='a secret')])
        self.assertFalse(action.all_changes_deployed)
        self.assertIsNone(action.deployed_version)
        self.assertEqual([secret.name for secret in action.secrets], ['KEY'])
        first = SDK.actions.deploy(action.id)
        self.assertEqual((first.number, first.action.name), (1, action.name))
        changed = SDK.actions.update(action.id, code='exports.x = 1', secrets=[ActionSecretRequest(name='KEY')])
        self.assertEqual(changed.deployed_version.code, CODE)
        second = SDK.actions.deploy(action.id)
        versions = every(SDK.actions.versions.list(action.id))
        self.assertEqual([(v.id, v.deployed) for v in versions], [(second.id, True), (first.id, False)])
        self.assertEqual(every(SDK.actions.versions.list(action.id, per_page=1)), versions)
        self.assertEqual(SDK.actions.versions.get(action.id, first.id).code, CODE)
        back = SDK.actions.versions.deploy(action.id, first.id)
        self.assertEqual((back.number, back.code), (3, CODE))
        SDK.actions.versions.deploy(action.id, first.id, request=DeployActionVersionRequestContent(update_draft=True))
        found = SDK.actions.get(action.id)
        self.assertEqual((found.code, found.all_changes_deployed, found.deployed_version.number), (CODE, True, 4))
        self.assertEqual([a.id for a in every(SDK.actions.list(action_name=action.name, deployed=True))], [action.id])
        self.assertIn(action.id, [a.id for a in every(SDK.actions.list(per_page=1))])
        tried = SDK.actions.test(action.id, payload={'event': {'user': {'name': 'Ada of the judge'}}})
        self.assertEqual(tried.payload['console'], 'hello Ada of the judge\n')

    def test_it_is_bound_in_an_order(self):
        one, two = self.action(deploy=True), self.action(deploy=True)

        def bind(*references):
            bindings = [ActionBindingWithRef(ref=ActionBindingRef(type=kind, value=value)) for kind, value in references]
            return SDK.actions.triggers.bindings.update_many('post-login', bindings=bindings).bindings
        bound = bind(('action_id', one.id), ('action_name', two.name))
        self.assertEqual([b.action.id for b in bound], [one.id, two.id])
        self.assertEqual(every(SDK.actions.triggers.bindings.list('post-login', per_page=1)), bound)
        again = bind(('binding_id', bound[1].id), ('action_id', one.id))
        self.assertEqual([b.action.name for b in again], [two.name, one.name])
        self.refused(409, None, SDK.actions.delete, one.id)
        self.refused(400, 'invalid_body', SDK.actions.triggers.bindings.update_many, 'post-login', bindings=[
            ActionBindingWithRef(ref=ActionBindingRef(type='binding_id', value=bound[0].id))])
        self.assertEqual(bind(), [])
        self.assertEqual(every(SDK.actions.triggers.bindings.list('post-login')), [])

    def test_it_runs_at_a_login_and_tells_of_it(self):
        _, email, password = self.user()
        line = fresh('a line')
        action = self.action(deploy=True, code=f"""exports.onExecutePostLogin = async (event, api) => {{
          if (event.user.email !== '{email}') return;
          console.log('{line}');
          api.accessToken.setCustomClaim('https://judge.example/key', 1);
        }};""")
        bindings = SDK.actions.triggers.bindings
        bindings.update_many('post-login', bindings=[
            ActionBindingWithRef(ref=ActionBindingRef(type='action_id', value=action.id))])
        log_in_with_password(SERVER, email, password)
        bindings.update_many('post-login', bindings=[])
        # The SDK has no method for it, as it is an extension of this server.
        url = f'{SERVER["issuer"]}api/v2/actions/actions/{action.id}/executions'
        for _ in range(200):
            token = GetToken(domain(SERVER), SERVER['management']['client_id'], SERVER['management']['client_secret'])
            bearer = token.client_credentials(f'{SERVER["issuer"]}api/v2/')['access_token']
            listed = requests.get(url, headers={'Authorization': f'Bearer {bearer}'}, timeout=30).json()['executions']
            found = [one['id'] for one in listed if line in one['results'][0]['console']]
            if found:
                break
            time.sleep(0.1)
        execution = SDK.actions.executions.get(found[0])
        self.assertEqual((execution.trigger_id, execution.status), ('post-login', 'final'))
        self.assertIn(action.name, [result.action_name for result in execution.results])
        self.assertIsNone(execution.results[0].error)

    def test_rules_and_their_configuration(self):
        script = 'function (user, context, callback) { callback(null, user, context); }'
        rule = self.made(SDK.rules, name=fresh('rule'), script=script)
        self.assertEqual((rule.script, rule.enabled, rule.stage), (script, True, 'login_success'))
        self.assertEqual(dump(SDK.rules.get(rule.id)), dump(rule))
        # The types of the SDK make it a number with a fraction.
        changed = SDK.rules.update(rule.id, enabled=False, order=2000.0)
        self.assertEqual((changed.enabled, changed.order), (False, 2000))
        self.assertIn(rule.id, [found.id for found in every(SDK.rules.list(enabled=False, per_page=1))])
        self.refused(409, None, SDK.rules.create, name=rule.name, script=script)
        self.assertEqual(SDK.rules_configs.set('PYTHON', value='a setting').key, 'PYTHON')
        self.assertIn('PYTHON', [config.key for config in SDK.rules_configs.list()])
        SDK.rules_configs.delete('PYTHON')
        self.refused(404, None, SDK.rules.get, 'rul_0000000000000000')

    def test_triggers_are_listed(self):
        for trigger in SDK.actions.triggers.list().triggers:
            self.assertTrue(trigger.version and trigger.runtimes and trigger.default_runtime, trigger)
            every(SDK.actions.triggers.bindings.list(trigger.id))

    def test_what_is_not_there_or_not_right(self):
        self.refused(404, None, SDK.actions.get, 'none')
        self.refused(404, None, SDK.actions.executions.get, 'none')
        self.refused(404, None, SDK.actions.versions.list, 'none')
        self.refused(400, 'invalid_body', lambda **more: SDK.actions.create(
            name=fresh('broken'), supported_triggers=LOGIN, code='let = ;', **more))
        name = self.action().name
        self.refused(409, None, SDK.actions.create, name=name, supported_triggers=LOGIN)
