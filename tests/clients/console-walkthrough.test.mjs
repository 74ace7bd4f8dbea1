// The published walkthrough, with nothing but the console: from a server on which nobody has made
// anything, through an application and an API, to decoded tokens and those of the refresh token.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, needsBrowser } from './browser.mjs';
import { assertNoProblems, createAdministrator, inspect, settled, signIn } from './console.mjs';
import { launchDoorward, ready } from './server.mjs';

let doorward;
let browser;

before(async () => {
  if (needsBrowser.skip) return;
  doorward = await launchDoorward({ serve: true });
  await ready(`${doorward.issuer}health/ready`, doorward.child);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await doorward?.stop();
});

/** What a decoded token says on the page: the newest with this name. */
async function claims(page, name) {
  return JSON.parse(await page.getByLabel(`${name}: what it says`, { exact: true }).first().textContent());
}

test('from an empty server to decoded tokens, in the console only', { ...needsBrowser, timeout: 240_000 }, async () => {
  const administrator = await createAdministrator(doorward, 'ada@example.com');
  assert.equal(administrator.url, `${doorward.issuer}admin/`);
  const page = await signIn(browser, administrator.url, administrator);
  await inspect(page, 'walkthrough-1-empty');

  // Applications → Create → Single Page Application, callback URLs, client id.
  await page.getByRole('link', { name: 'Applications', exact: true }).click();
  await settled(page);
  await page.getByRole('link', { name: 'New application' }).first().click();
  await settled(page);
  await page.getByLabel('Name', { exact: true }).fill('Walkthrough');
  await page.getByRole('radio', { name: /^Single-page/ }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.waitForURL(/\/admin\/applications\/(?!new)[^/?]+(\?|$)/);
  await settled(page);
  const [, clientId] = /applications\/([^/?]+)/.exec(page.url());
  await page.getByRole('navigation', { name: 'Application', exact: true }).getByRole('link', { name: 'Settings' }).click();
  await settled(page);
  await page.getByLabel('Callback URLs', { exact: true }).fill('https://example.com');
  await page.getByRole('button', { name: 'Save' }).first().click();
  await page.locator('.toast').first().waitFor();
  assert.ok((await page.locator('main').textContent()).includes(clientId));

  // APIs → New API → identifier, allow offline access.
  await page.getByRole('link', { name: 'APIs', exact: true }).first().click();
  await settled(page);
  await page.getByRole('link', { name: 'New API' }).first().click();
  await settled(page);
  await page.getByLabel('Name', { exact: true }).fill('Example');
  await page.getByLabel('Identifier', { exact: true }).fill('https://example.com');
  await page.getByRole('switch', { name: 'Allow offline access' }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.waitForURL(/\/admin\/apis\/(?!new)[^/?]+(\?|$)/);
  await settled(page);

  // /authorize, the login, the code, /oauth/token.
  await page.goto(`${doorward.issuer}admin/applications/${clientId}/try`);
  await settled(page);
  await page.getByRole('button', { name: 'Add this callback URL' }).click();
  await page.getByLabel('API', { exact: true }).selectOption('https://example.com');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByText('Answer 1: the login').waitFor();
  const first = { access: await claims(page, 'Access token'), id: await claims(page, 'ID token') };
  assert.equal(first.access.iss, doorward.issuer);
  assert.deepEqual([first.access.aud].flat().slice(0, 1), ['https://example.com']);
  assert.equal(first.access.azp, clientId);
  assert.match(first.access.scope, /openid profile email offline_access/);
  assert.equal(first.id.aud, clientId);
  assert.equal(first.id.email, 'ada@example.com');
  assert.equal(first.id.sub, first.access.sub);
  assert.ok(first.id.sid);

  // The tokens again, by refresh token.
  const token = () => page.locator('.answer').first().locator('dd code').first().textContent();
  const before = await token();
  await page.getByRole('button', { name: 'Exchange', exact: true }).click();
  await page.getByText('Answer 2: an exchange for the API of the login').waitFor();
  const second = { access: await claims(page, 'Access token'), id: await claims(page, 'ID token') };
  assert.ok(second.access.iat >= first.access.iat && second.access.exp - second.access.iat === first.access.exp - first.access.iat);
  assert.deepEqual({ ...second.access, iat: 0, exp: 0, jti: 0 }, { ...first.access, iat: 0, exp: 0, jti: 0 });
  assert.equal(second.id.sub, first.id.sub);
  assert.match(await token(), /^v1\./);
  assert.match(before, /^v1\./);
  await inspect(page, 'walkthrough-2-tokens');
  assertNoProblems(page, /^$/);
});
