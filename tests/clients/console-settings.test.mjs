// What concerns the whole server, done in the console: signing keys, settings, attack protection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { answer, assertNoProblems, axe, fieldError, inspect, setConsole, settled } from './console.mjs';
import { management } from './server.mjs';

const LONG = { ...needsBrowser, timeout: 300_000 };

let stage;
before(async () => {
  if (!needsBrowser.skip) stage = await setConsole();
});
after(() => stage?.stop());

const published = async () => {
  const response = await fetch(`${stage.issuer}.well-known/jwks.json`, { cache: 'no-store' });
  return (await response.json()).keys.map(({ kid }) => kid);
};

const the = (keys, state) => keys.find((key) => key[state]);

test('keys are rotated, and a previous one is revoked', LONG, async () => {
  const before = await stage.call('GET', 'keys/signing');
  const page = await stage.open('/keys');
  const main = page.locator('main');
  for (const { kid, fingerprint } of before) {
    await main.getByText(kid, { exact: true }).first().waitFor();
    await main.getByText(fingerprint, { exact: true }).waitFor();
  }
  assert.match(await main.textContent(), /RSA \(RS256\)/);
  await inspect(page, 'keys');

  // Nothing happens to who thinks better of it.
  await page.getByRole('button', { name: 'Rotate…' }).click();
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.textContent(), new RegExp(the(before, 'next').kid));
  await axe(page);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await stage.call('GET', 'keys/signing'), before);

  await page.getByRole('button', { name: 'Rotate…' }).click();
  await answer(page, 'Rotate');
  await page.getByText('The keys were rotated').waitFor();
  const rotated = await stage.call('GET', 'keys/signing');
  assert.equal(the(rotated, 'current').kid, the(before, 'next').kid);
  assert.equal(the(rotated, 'previous').kid, the(before, 'current').kid);
  assert.deepEqual((await published()).sort(), rotated.map(({ kid }) => kid).sort());
  await inspect(page, 'keys-rotated');

  // What cannot be taken back takes typing.
  const { kid } = the(rotated, 'previous');
  await page.getByRole('button', { name: `Revoke the key ${kid}` }).click();
  assert.ok(await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).isDisabled());
  await inspect(page, 'keys-revoke');
  await answer(page, 'Revoke', kid.slice(0, 8));
  await page.getByText('The key was revoked').waitFor();
  assert.ok(!(await published()).includes(kid));
  // What it signed is worth nothing, the token of this test too; the console gets another by itself.
  await assert.rejects(stage.call('GET', 'keys/signing'), /401/);
  stage.call = management(stage.doorward);
  const revoked = await stage.call('GET', `keys/signing/${kid}`);
  assert.equal(revoked.revoked, true);
  await page.getByText('Revoked', { exact: true }).waitFor();
  assertNoProblems(page);
});

test('a rotation of somebody else is told, and shown', LONG, async () => {
  const page = await stage.open('/keys');
  // The key that is revoked here was never a previous one: the server says so.
  await page.route('**/api/v2/keys/signing/rotate', (route) => route.fulfill({
    status: 409,
    json: { statusCode: 409, error: 'Conflict', message: 'The resource was changed by another request. Read it and try again.' },
  }));
  await page.getByRole('button', { name: 'Rotate…' }).click();
  await answer(page, 'Rotate');
  await page.getByText('The resource was changed by another request').waitFor();
  await axe(page);
  assertNoProblems(page);
});

test('settings are saved, and what they come to is said', LONG, async () => {
  const page = await stage.open('/settings');
  await inspect(page, 'settings');
  await page.getByLabel('Name', { exact: true }).fill('Example Inc.');
  await page.getByLabel('E-mail address for help', { exact: true }).fill('help@example.com');
  const longest = page.getByLabel('Longest login', { exact: true });
  await longest.fill('2');
  await page.getByLabel('Unit of: Longest login').selectOption({ label: 'days' });
  await longest.fill('2');
  await page.getByLabel('Longest time without use', { exact: true }).fill('12');
  await page.getByLabel('Unit of: Longest time without use').selectOption({ label: 'hours' });
  await page.getByLabel('Longest time without use', { exact: true }).fill('12');
  await page.getByText('after 2 days, or when the login was not used for 12 hours').waitFor();
  await page.getByLabel('API', { exact: true }).selectOption('https://orders.example/');
  await page.getByLabel('Languages of pages and messages', { exact: true }).fill('ja\nen');
  await page.getByRole('switch', { name: 'Tell who signs up that the user exists' }).check();
  await page.getByLabel('Page for errors', { exact: true }).fill('https://errors.example.com/');
  await page.getByRole('radio', { name: /^Digits/ }).check();
  await inspect(page, 'settings-changed');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The settings were saved').waitFor();
  const saved = await stage.call('GET', 'tenants/settings');
  assert.equal(saved.friendly_name, 'Example Inc.');
  assert.equal(saved.support_email, 'help@example.com');
  assert.deepEqual([saved.session_lifetime, saved.idle_session_lifetime], [48, 12]);
  assert.equal(saved.default_audience, 'https://orders.example/');
  assert.deepEqual(saved.enabled_locales, ['ja', 'en']);
  assert.equal(saved.flags.enable_public_signup_user_exists_error, true);
  assert.equal(saved.error_page.url, 'https://errors.example.com/');
  assert.equal(saved.device_flow.charset, 'digits');
  const discovery = await (await fetch(`${stage.issuer}.well-known/openid-configuration`)).json();
  assert.deepEqual(discovery.ui_locales_supported, ['ja', 'en']);
  await page.getByText('In effect now: ja, en.').waitFor();

  // And back: what is emptied is gone.
  await page.getByLabel('API', { exact: true }).selectOption('');
  await page.getByLabel('Page for errors', { exact: true }).fill('');
  await page.getByRole('radio', { name: /^Log out/ }).check();
  await page.getByText('and when the browser was closed').waitFor();
  await page.getByLabel('Longest login', { exact: true }).fill('90');
  await page.getByLabel('Unit of: Longest login').selectOption({ label: 'minutes' });
  await page.getByLabel('Longest login', { exact: true }).fill('90');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Nothing to save').waitFor();
  const again = await stage.call('GET', 'tenants/settings');
  assert.equal(again.default_audience, '');
  assert.equal(again.error_page.url, '');
  assert.equal(again.session_cookie.mode, 'non-persistent');
  assert.equal(again.ephemeral_session_lifetime, 1.5);
  assert.equal(again.session_lifetime, 48, 'the other kind is let alone');
  assertNoProblems(page);
});

test('what the server refuses is said beside the field, and nothing typed is lost', LONG, async () => {
  const page = await stage.open('/settings');
  await page.getByLabel('Name', { exact: true }).fill('Still here');
  await page.getByLabel('E-mail address for help', { exact: true }).fill('nobody');
  await page.getByRole('button', { name: 'Save' }).click();
  assert.match(await fieldError(page, 'E-mail address for help'), /./);
  await inspect(page, 'settings-refused');
  await page.getByLabel('E-mail address for help', { exact: true }).fill('help@example.com');
  await page.getByRole('radio', { name: /^Stay logged in/ }).check();
  await page.getByLabel('Unit of: Longest login').selectOption({ label: 'seconds' });
  await page.getByLabel('Longest login', { exact: true }).fill('30');
  await page.getByRole('button', { name: 'Save' }).click();
  assert.match(await fieldError(page, 'Longest login'), /integer|Expected/);
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Still here');
  assertNoProblems(page);
});

test('two people who edit the settings do not overwrite each other', LONG, async () => {
  const page = await stage.open('/settings');
  await page.getByLabel('Page for help', { exact: true }).fill('https://help.example.com/mine');
  await stage.call('PATCH', 'tenants/settings', { friendly_name: 'Theirs' });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Somebody else has changed this').waitFor();
  assert.equal((await stage.call('GET', 'tenants/settings')).friendly_name, 'Theirs');
  await page.getByRole('button', { name: 'Bring in their changes, keep mine' }).click();
  await page.waitForFunction(() => [...document.querySelectorAll('input')].some(({ value }) => value === 'Theirs'));
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The settings were saved').waitFor();
  const saved = await stage.call('GET', 'tenants/settings');
  assert.deepEqual([saved.friendly_name, saved.support_url], ['Theirs', 'https://help.example.com/mine']);
  assertNoProblems(page);
});

test('attack protection is on, and what is not enforced says so', LONG, async () => {
  const page = await stage.open('/attack-protection');
  const brute = page.getByRole('form', { name: 'Guessed passwords' });
  await brute.getByText('On', { exact: true }).waitFor();
  await inspect(page, 'attack-protection');
  assert.equal(await brute.getByRole('switch').isChecked(), true);
  const leaked = page.getByRole('form', { name: 'Leaked passwords' });
  await leaked.getByRole('switch').check();
  await leaked.getByText('Switched on, not enforced').waitFor();
  await leaked.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Kept: Leaked passwords').waitFor();
  await brute.getByLabel('Failed logins before something is done', { exact: true }).fill('5');
  await brute.getByLabel('Addresses that are never blocked', { exact: true }).fill('192.0.2.0/24\n2001:db8::1');
  await brute.getByRole('checkbox', { name: 'Tell the user' }).uncheck();
  await brute.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Kept: Guessed passwords').waitFor();
  const kept = await stage.call('GET', 'attack-protection/brute-force-protection');
  assert.deepEqual([kept.enabled, kept.max_attempts, kept.shields], [true, 5, ['block']]);
  assert.deepEqual(kept.allowlist, ['192.0.2.0/24', '2001:db8::1']);

  const addresses = page.getByRole('form', { name: 'Many attempts from one address' });
  const rate = addresses.getByLabel('Logins from one address: one is given back every', { exact: true });
  await rate.fill('90000');
  await addresses.getByText('another one every 1 minute 30 seconds').waitFor();
  await addresses.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Kept: Many attempts from one address').waitFor();
  const throttling = await stage.call('GET', 'attack-protection/suspicious-ip-throttling');
  assert.equal(throttling.stage['pre-login'].rate, 90_000);
  assert.equal(throttling.stage['pre-login'].max_attempts, 100, 'the rest stays');

  await brute.getByLabel('Failed logins before something is done', { exact: true }).fill('1000');
  await brute.getByRole('button', { name: 'Save' }).click();
  assert.match(await fieldError(page, 'Failed logins before something is done'), /maximum|100/);
  await inspect(page, 'attack-protection-refused');
  assertNoProblems(page);
});

test('who may only look sees it all and changes nothing', LONG, async () => {
  const page = await stage.openAsViewer('/settings');
  await page.getByText('Your role allows you to look at this').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Save' }).count(), 0);
  assert.notEqual(await page.getByLabel('Name', { exact: true }).getAttribute('readonly'), null);
  await inspect(page, 'settings-viewer');
  await stage.go(page, '/attack-protection');
  await page.getByText('Your role allows you to look at this').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Save' }).count(), 0);
  await axe(page);
  await stage.go(page, '/keys');
  await settled(page);
  assert.equal(await page.getByRole('button', { name: /Rotate|Revoke/ }).count(), 0);
  await axe(page);
  assertNoProblems(page);
});
